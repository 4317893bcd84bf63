"""The migrations build exactly what the models say, there and back, on both databases."""

from collections.abc import Callable, Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from shared.db import schema, ticket_changes
from shared.db.engine import Database
from shared.db.models import Agent, AgentTeam, Base, ConfigurationVersion, Team, Ticket
from shared.db.ticket_changes import NewTicket
from tests.factories import NOW, ticket_content
from tests.rows import rows


@pytest.fixture
def empty(new_database: Callable[[], str]) -> Iterator[Database]:
    database = Database(new_database())
    yield database
    database.close()


def downgrade(database: Database, revision: str) -> None:
    config = schema._config()
    with database.engine.connect() as connection:
        database.dialect.prepare_migration(connection, 10)
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()
        connection.invalidate()


def tables(database: Database) -> set[str]:
    """All but those of FTS5, which no model describes."""
    names = set(inspect(database.engine).get_table_names()) - {"alembic_version"}
    return {name for name in names if not name.startswith("search_words")}


def test_an_empty_database_is_brought_to_the_newest_revision(empty: Database) -> None:
    assert schema.current_revision(empty) is None
    assert schema.migrate(empty) == (None, schema.newest_revision())
    assert schema.migrate(empty) == (schema.newest_revision(), schema.newest_revision())
    schema.require_current(empty)
    assert rows(empty, ConfigurationVersion) == [{"id": 1, "version": 1, "priorities": None}]


def of_this_database(each: object, database: Database) -> bool:
    """Tell whether an index is for this kind of database."""
    only = getattr(each, "_ddl_if", None)
    return only is None or only.dialect == database.engine.dialect.name


def test_models_and_migrations_do_not_differ(empty: Database) -> None:
    schema.migrate(empty)
    with empty.engine.connect() as connection:
        opts = {
            "compare_type": True,
            "compare_server_default": True,
            "include_object": lambda each, *_: of_this_database(each, empty),
            "include_name": lambda name, *_: not (name or "").startswith("search_words"),
        }
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []
    assert tables(empty) == set(Base.metadata.tables)


def test_downgrading_leaves_nothing_and_upgrading_again_works(empty: Database) -> None:
    schema.migrate(empty)
    downgrade(empty, "base")
    assert tables(empty) == set()
    schema.migrate(empty)
    assert tables(empty) == set(Base.metadata.tables)


def test_rows_survive_calendars_being_added_and_taken_away(empty: Database) -> None:
    schema.migrate(empty)
    downgrade(empty, "0001")
    moment = "'2026-11-21 12:00:00'"
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO agents (id, name, email, locale, presence, capacity, load, overcommit, "
            "idle_since, created_at, updated_at, work_state, available_at, attempts) VALUES "
            "('agt_1', 'Ann', 'ann@example.com', 'en', 'online', 1, 0, 0, "
            f"{moment}, {moment}, {moment}, 'ready', {moment}, 0)"
        )
        connection.exec_driver_sql(
            "INSERT INTO teams (name, title, weights, return_untouched, created_at, updated_at) "
            f"VALUES ('network', '', '{{}}', true, {moment}, {moment})"
        )
        connection.exec_driver_sql("INSERT INTO agent_teams VALUES ('agt_1', 'network')")
    schema.migrate(empty)
    [agent] = rows(empty, Agent)
    assert (agent["calendar"], agent["shifts"]) == (None, None)
    assert rows(empty, Team)[0]["calendar"] is None
    [key] = inspect(empty.engine).get_foreign_keys("agents")
    assert key["name"] in (None, "fk_agents_calendar_calendars")
    downgrade(empty, "0001")
    schema.migrate(empty)
    assert [row["agent_id"] for row in rows(empty, AgentTeam)] == ["agt_1"]


def test_open_tickets_from_before_there_were_clocks_are_due_for_theirs(empty: Database) -> None:
    schema.migrate(empty)
    with empty.transaction() as tx:
        ticket_changes.create(tx, [NewTicket(ticket_content(), "test", "req_1")], NOW)
    downgrade(empty, "0004")
    schema.migrate(empty)
    [ticket] = rows(empty, Ticket)
    assert (ticket["sla"], ticket["sla_due_at"]) == (None, NOW)


def test_a_schema_that_is_behind_is_refused_with_the_command_to_run(empty: Database) -> None:
    with pytest.raises(schema.SchemaBehind, match=r"no schema yet.*patchbay migrate"):
        schema.require_current(empty)
    schema.migrate(empty)
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(schema.SchemaBehind, match=r"0001.*patchbay migrate"):
        schema.require_current(empty)
