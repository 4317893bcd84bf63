"""PostgreSQL's settings: PostgreSQL takes them; what every desk needs is in the schema itself."""

import configparser
import re

import psycopg
import pytest

from shared.db.dialects import postgresql
from tests.deploy.postgres_conf import CONF, asked_for, settings

HOT_TABLES = {"tickets", "event_outbox", "deliveries", "agents"}


def test_postgresql_takes_every_setting(servers):
    postgres = servers.postgres
    with psycopg.connect(postgres.url("postgres").replace("+psycopg", "")) as connection:
        (data,) = connection.execute("SHOW data_directory").fetchone()

    done = asked_for("max_connections", CONF, data)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == settings()["max_connections"]
    assert len(settings()) > 25


def test_a_setting_that_postgresql_has_not_would_be_found(servers, tmp_path):
    wrong = tmp_path / "wrong.conf"
    wrong.write_text(CONF.read_text() + "\nautovacum = on\n")

    done = asked_for("max_connections", wrong, tmp_path)

    assert done.returncode != 0
    assert "autovacum" in done.stderr


def test_what_durability_rests_on_is_on():
    found = settings()

    assert {found[name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_hot_tables_are_cleaned_by_number_and_not_by_share(runtime):
    query = (
        "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL AND relkind = 'r'"
    )
    with psycopg.connect(runtime.database.url.replace("+psycopg", "")) as connection:
        found = dict(connection.execute(query).fetchall())

    assert set(found) >= HOT_TABLES
    for name in HOT_TABLES:
        assert "autovacuum_vacuum_scale_factor=0" in found[name]


def test_behind_a_pooler_the_role_brings_along_what_sessions_ask_for():
    text = (CONF.parent / "session_role.sql").read_text()
    given = re.findall(r"^ALTER ROLE patchbay SET (\w+) = '(\S+)';$", text, re.MULTILINE)

    assert given == re.findall(r"-c (\w+)=(\S+)", postgresql._SESSION)


def test_a_pooler_keeps_sessions_and_has_room_for_all_of_them():
    ini = configparser.ConfigParser()
    ini.read(CONF.parent / "pgbouncer.ini")
    pooler = ini["pgbouncer"]

    assert pooler["pool_mode"] == "session"
    assert "options" in pooler["ignore_startup_parameters"].split(",")
    assert int(pooler["default_pool_size"]) < int(settings()["max_connections"])
