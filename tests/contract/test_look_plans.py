"""Who looks whether something is due reads no whole table, however little is known of it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from services.router import advance_tickets, run_clocks, wake_tickets
from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import draft
from shared.schemas.ticket import CreateTicketSchema
from tests.desk import ticket_body
from tests.factories import NOW
from tests.fixtures.modes import Mode
from tests.plans import noting_statements, plan_of

#: Many pages, of which the server was told nothing.
TICKETS = 3_000


@pytest.fixture
def database(distributed: Mode) -> Iterator[Database]:
    made = Database(distributed.database_url)
    content = dict(CreateTicketSchema().load(ticket_body(description="words " * 100)))
    with made.reading() as connection:
        connection.exec_driver_sql("TRUNCATE tickets CASCADE")
    with made.transaction() as tx:
        rows = [draft(tx, content, NOW) | {"number": number} for number in range(1, TICKETS)]
        tx.insert(table(Ticket), rows)
    yield made
    made.close()


@pytest.mark.parametrize("list_", [advance_tickets, run_clocks, wake_tickets])
@pytest.mark.parametrize("look", ["has_ready", "next_due"])
def test_a_look_for_due_tickets_goes_by_an_index(database: Database, list_: Any, look: str) -> None:
    ask: Callable[[Connection, datetime], Any] = getattr(list_, look)
    with database.reading() as connection:
        with noting_statements(connection) as asked:
            ask(connection, NOW)
        of_tickets = [each for each in asked if " tickets" in each[0]]
        for each in of_tickets:
            assert "Seq Scan on tickets" not in plan_of(connection, each)
    assert of_tickets
