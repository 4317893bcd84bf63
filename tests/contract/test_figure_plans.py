"""Whoever counts what is due, waits or gave up reads no whole table of tickets or deliveries."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.db.engine import Database
from shared.db.figures import clocks, lists, waiting
from shared.db.models import Delivery, Subscription, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import draft
from shared.domain.work import WorkState
from shared.schemas.ticket import CreateTicketSchema
from tests.desk import ticket_body
from tests.factories import NOW, delivery, subscription
from tests.fixtures.modes import Mode
from tests.plans import noting_statements, plan_of

#: Many pages, of which few hold anything that is due.
ROWS = 3_000


@pytest.fixture
def database(mode: Mode) -> Iterator[Database]:
    made = Database(mode.database_url)
    content = dict(CreateTicketSchema().load(ticket_body(description="words " * 100)))
    with made.transaction() as tx:
        tickets = [draft(tx, content, NOW) | {"number": number} for number in range(1, ROWS)]
        done = {"work_state": WorkState.DONE, "resolved_at": NOW}
        tx.insert(table(Ticket), [each | done for each in tickets])
        endpoint = subscription()
        tx.insert(table(Subscription), [endpoint])
        sent = {"receiver": endpoint["id"], "work_state": WorkState.DONE, "payload": "{}" * 200}
        tx.insert(table(Delivery), [delivery(**sent) for _ in range(ROWS)])
    if mode.distributed:
        with made.reading() as connection:
            connection.exec_driver_sql("ANALYZE tickets, deliveries, subscriptions")
    yield made
    made.close()


@pytest.mark.parametrize("part", [lists, waiting, clocks])
def test_what_is_counted_is_found_by_an_index(database: Database, part: Any) -> None:
    with database.reading() as connection:
        with noting_statements(connection) as asked:
            part.read(connection, NOW)
        for each in asked:
            plan = plan_of(connection, each)
            for name in ("tickets", "deliveries"):
                assert f"Seq Scan on {name}" not in plan, each
                # Without an index; going through a partial one from its beginning is a scan too.
                assert f"SCAN {name}\n" not in f"{plan}\n", each
    assert any(" tickets" in statement for statement, _ in asked)
