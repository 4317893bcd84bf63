"""PostgreSQL: plans follow the size of a list. The plans of SQLite do not depend on it."""

from collections.abc import Iterator

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


def test_a_statement_first_used_on_a_short_list_goes_by_the_index_once_the_list_is_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [outbox_entry() for _ in range(10)]
    with database.transaction() as tx:
        tx.insert(OUTBOX, entries)
    for _ in range(4):
        update(database, entries)
    with database.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry() for _ in range(20_000)])
    update(database, entries)
    assert "Seq Scan on event_outbox" in plan_of_update(database)
    monkeypatch.setattr(postgresql, "REPLAN_S", 0)
    update(database, entries)
    assert "Index Scan using pk_event_outbox" in plan_of_update(database)
