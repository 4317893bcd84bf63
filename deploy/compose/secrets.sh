#!/usr/bin/env bash
# Makes the secrets of compose.yaml below secrets/, each once; what exists is left as it is.
#
# A secret that is a file is mounted with the owner and mode it has here, and a container must be able
# to read it under its own uid: the folder is closed to others on this machine, the files are not.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets

keep() { # NAME CONTENT
  [ -e "secrets/$1" ] || (umask 022 && printf '%s\n' "$2" >"secrets/$1")
}
random() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

keep postgres_password "$(random)"
[ -e secrets/rabbitmq_account ] || {
  password=$(random)
  keep rabbitmq_account "default_vhost = patchbay
default_user = patchbay
default_pass = $password"
  keep broker_url "amqp://patchbay:$password@rabbitmq:5672/patchbay"
}
keep database_url "postgresql+psycopg://patchbay:$(cat secrets/postgres_password)@postgres:5432/patchbay"
# Replace it by your mail server: smtp://user:password@mail.example:587?starttls=required
keep email_url "off"
# What secrets in the database are sealed with; keep a copy away from the backups of the database.
keep secret_keys "$(head -c 32 /dev/urandom | base64 | tr -d '\n')"
