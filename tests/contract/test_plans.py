"""PostgreSQL: plans follow the size of a list. The plans of SQLite do not depend on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from services.notifier.endpoint_claims import EndpointClaims
from services.notifier.places import Places
from shared.db.dialects import postgresql
from shared.db.engine import Database
from shared.db.models import Delivery, OutboxEntry, Subscription
from shared.db.models.base import table
from tests.factories import NOW, delivery, outbox_entry, subscription
from tests.fixtures.modes import Mode

OUTBOX = table(OutboxEntry)
LISTS = ("event_outbox", "deliveries", "subscriptions")


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
    """Keep the server from counting the lists' rows by itself, which makes plans anew.

    The lists begin without what was counted and the dead rows of whoever used this database before:
    a page more, and even ten rows are read by the index.
    """
    for name in LISTS:
        outside_transactions(database, f"ALTER TABLE {name} SET (autovacuum_enabled = off)")
        outside_transactions(database, f"TRUNCATE {name} CASCADE")
        # What was counted of a list outlives its rows.
        outside_transactions(
            database, f"DELETE FROM pg_statistic WHERE starelid = '{name}'::regclass"
        )
    try:
        yield
    finally:
        for name in LISTS:
            outside_transactions(database, f"TRUNCATE {name} CASCADE")
            outside_transactions(database, f"ALTER TABLE {name} RESET (autovacuum_enabled)")
            outside_transactions(database, f"ANALYZE {name}")


def update(database: Database, entries: list[dict[str, object]]) -> None:
    with database.transaction() as tx:
        tx.update(OUTBOX, [{"id": entry["id"], "rank": 5} for entry in entries])


def plan_of_update(database: Database) -> str:
    with database.reading() as connection:
        name = connection.execute(
            text("SELECT name FROM pg_prepared_statements WHERE statement LIKE 'UPDATE event_out%'")
        ).scalar_one()
        lines = connection.exec_driver_sql(f"EXPLAIN EXECUTE {name}('[]', '{{}}')").scalars()
        return "\n".join(lines)


@pytest.fixture
def counted(database: Database) -> Iterator[Database]:
    with statistics_only_when_told(database):
        yield database


def used_short_and_grown(database: Database) -> list[dict[str, object]]:
    """Make a short list, update it until its statement is prepared, and let it grow."""
    outside_transactions(database, "TRUNCATE event_outbox")
    entries = [outbox_entry() for _ in range(10)]
    with database.transaction() as tx:
        tx.insert(OUTBOX, entries)
    outside_transactions(database, "ANALYZE event_outbox")
    for _ in range(4):
        update(database, entries)
    with database.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry() for _ in range(20_000)])
    update(database, entries)
    return entries


def test_a_statement_first_used_on_a_short_list_goes_by_the_index_once_the_list_is_long(
    counted: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "REPLAN_S", 60)
    # A server on which others change schemas all the time may forget a plan by itself.
    for _ in range(5):
        entries = used_short_and_grown(counted)
        if "Seq Scan on event_outbox" in plan_of_update(counted):
            break
    else:
        pytest.fail("the plan for the short list was never kept")
    monkeypatch.setattr(postgresql, "REPLAN_S", 0)
    update(counted, entries)
    assert "Index Scan using pk_event_outbox" in plan_of_update(counted)


def test_a_claim_of_deliveries_looks_for_events_ahead_by_ticket(counted: Database) -> None:
    entries = [outbox_entry() for _ in range(4_000)]
    with counted.transaction() as tx:
        tx.insert(OUTBOX, entries)
        tx.insert(table(Subscription), [subscription(id="whk_1")])
        tx.insert(table(Delivery), [delivery(receiver="whk_1")])
        # The last stays, at the end of the file: the server knows of many pages with one row.
        tx.delete(OUTBOX, [entry["id"] for entry in entries[:-1]])
    outside_transactions(counted, "VACUUM ANALYZE event_outbox")
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(counted.engine, "before_cursor_execute", note)
    EndpointClaims(counted, timedelta(minutes=1)).claim(NOW, Places(10, 10))
    [claim] = [each for each in asked if "FOR UPDATE OF deliveries" in each[0]]
    with counted.reading() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {claim[0]}", claim[1]).scalars())
    assert "ix_event_outbox_ticket" in plan
    assert "ix_event_outbox_ready" not in plan


def test_a_claim_finds_what_is_due_of_each_endpoint_by_its_indexes(counted: Database) -> None:
    """Also where the server has counted nothing yet and takes the list for short."""
    endpoints = [subscription() for _ in range(50)]
    with counted.transaction() as tx:
        tx.insert(table(Subscription), endpoints)
        due = [delivery(receiver=each["id"], payload="{}") for each in endpoints]
        tx.insert(table(Delivery), due)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(counted.engine, "before_cursor_execute", note)
    EndpointClaims(counted, timedelta(minutes=1)).claim(NOW, Places(1000, 10))
    queries = [each for each in asked if "oldest_live" in each[0] or "FOR UPDATE" in each[0]]
    plans = []
    with counted.reading() as connection:
        for statement, values in queries:
            explained = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
            plans.append("\n".join(explained.scalars()))
    endpoints_plan, deliveries_plan = plans
    assert "ix_deliveries_webhook_oldest" in endpoints_plan
    assert "ix_deliveries_webhook_urgent" in endpoints_plan
    assert "ix_deliveries_webhook_urgent" in deliveries_plan
