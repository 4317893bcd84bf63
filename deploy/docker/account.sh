#!/usr/bin/env bash
# Makes the account that the containers run as, and the one folder that it may write to. The uid is
# fixed, because volumes and security policies name it by number.
set -euo pipefail

groupadd --gid 10001 patchbay
useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/patchbay \
  --shell /usr/sbin/nologin patchbay
install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/patchbay
