"""PostgreSQL: plans follow the size of a list. The plans of SQLite do not depend on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from shared.db.dialects import postgresql
from shared.db.engine import Database
from shared.db.models import OutboxEntry
from shared.db.models.base import table
from tests.factories import outbox_entry
from tests.fixtures.modes import Mode

OUTBOX = table(OutboxEntry)


@pytest.fixture
def database(distributed: Mode) -> Iterator[Database]:
    made = Database(distributed.database_url, pool_size=1)
    yield made
    made.close()


def outside_transactions(database: Database, statement: str) -> None:
    with database.reading() as connection:
        connection.exec_driver_sql(statement)


@contextmanager
def statistics_only_when_told(database: Database) -> Iterator[None]:
    """Keep the server from counting the list's rows by itself, which makes plans anew.

    The list begins without the dead rows of whoever used this database before: a page more, and
    even ten rows are read by the index.
    """
    outside_transactions(database, "ALTER TABLE event_outbox SET (autovacuum_enabled = off)")
    outside_transactions(database, "TRUNCATE event_outbox")
    try:
        yield
    finally:
        outside_transactions(database, "TRUNCATE event_outbox")
        outside_transactions(database, "ALTER TABLE event_outbox RESET (autovacuum_enabled)")
        outside_transactions(database, "ANALYZE event_outbox")


def update(database: Database, entries: list[dict[str, object]]) -> None:
    with database.transaction() as tx:
        tx.update(OUTBOX, [{"id": entry["id"], "rank": 5} for entry in entries])


def plan_of_update(database: Database) -> str:
    with database.reading() as connection:
        name = connection.execute(
            text("SELECT name FROM pg_prepared_statements WHERE statement LIKE 'UPDATE event_out%'")
        ).scalar_one()
        lines = connection.exec_driver_sql(f"EXPLAIN EXECUTE {name}('[]')").scalars()
        return "\n".join(lines)


@pytest.fixture
def counted(database: Database) -> Iterator[Database]:
    with statistics_only_when_told(database):
        yield database


def test_a_statement_first_used_on_a_short_list_goes_by_the_index_once_the_list_is_long(
    counted: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [outbox_entry() for _ in range(10)]
    with counted.transaction() as tx:
        tx.insert(OUTBOX, entries)
    outside_transactions(counted, "ANALYZE event_outbox")
    monkeypatch.setattr(postgresql, "REPLAN_S", 60)
    for _ in range(4):
        update(counted, entries)
    with counted.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry() for _ in range(20_000)])
    update(counted, entries)
    assert "Seq Scan on event_outbox" in plan_of_update(counted)
    monkeypatch.setattr(postgresql, "REPLAN_S", 0)
    update(counted, entries)
    assert "Index Scan using pk_event_outbox" in plan_of_update(counted)
