"""The minute's count of tickets that are nowhere reads by indexes what is alive or waits."""

from collections.abc import Iterator

import pytest

from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.soundness.accounting import unaccounted
from shared.db.soundness.check import Look
from shared.db.ticket_changes import draft
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState
from shared.schemas.ticket import CreateTicketSchema
from tests.desk import ticket_body
from tests.factories import NOW
from tests.fixtures.modes import Mode
from tests.plans import noting_statements, plan_of

#: Many pages of tickets that are over, beside one that waits for what nobody knows.
TICKETS = 3_000


@pytest.fixture
def database(mode: Mode) -> Iterator[Database]:
    made = Database(mode.database_url)
    content = dict(CreateTicketSchema().load(ticket_body(description="words " * 100)))
    over = {"status": TicketStatus.CLOSED, "work_state": WorkState.DONE, "closed_at": NOW}
    waits = {"work_state": WorkState.WAITING, "signature": "unheard of"}
    with made.transaction() as tx:
        tickets = [draft(tx, content, NOW) | {"number": number} for number in range(1, TICKETS)]
        tx.insert(table(Ticket), [tickets[0] | waits])
        tx.insert(table(Ticket), [each | over for each in tickets[1:]])
    if mode.distributed:
        with made.reading() as connection:
            connection.exec_driver_sql("ANALYZE tickets")
    yield made
    made.close()


def test_tickets_that_are_nowhere_are_counted_by_indexes(database: Database) -> None:
    with database.reading() as connection:
        with noting_statements(connection) as asked:
            assert unaccounted(Look(connection, database.dialect, NOW)) == 1
        [of_tickets] = [each for each in asked if " tickets" in each[0]]
        plan = plan_of(connection, of_tickets)
    assert "Seq Scan on tickets" not in plan
    assert "SCAN tickets\n" not in f"{plan}\n"
    assert "ix_tickets_waiting" in plan or "ix_tickets_changing" in plan
