"""No list of tickets reads the whole table: every filter and order has an index."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.intake.ticket_list import tickets
from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import draft
from shared.schemas.ticket import CreateTicketSchema
from shared.schemas.ticket_list import TicketSort
from tests.desk import ticket_body
from tests.factories import NOW
from tests.fixtures.modes import Mode
from tests.plans import noting_statements, plan_of

TICKETS = 5_000
LONG_AGO = NOW - timedelta(days=999)

RARE: dict[str, dict[str, Any]] = {
    "status": {"status": ["on_hold"]},
    "two statuses": {"status": ["on_hold", "pending_customer"]},
    "priority": {"priority": ["critical"]},
    "type": {"type": ["complaint"]},
    "channel": {"channel": ["social"]},
    "severity": {"severity": ["critical"]},
    "team": {"team": ["nobody"]},
    "assignee": {"assignee": ["agt_nobody"]},
    "requester": {"requester": ["rqr_nobody"]},
    "category": {"category": ["rare"]},
    "product": {"product": ["rare"]},
    "sla policy": {"sla_policy": ["gold"]},
    "tag": {"tag": ["rare"]},
    "external id": {"external_id": "case-7"},
    "number": {"number": 7},
    "created": {"created_before": LONG_AGO},
    "updated": {"updated_before": LONG_AGO},
    "due": {"due_before": LONG_AGO},
    "a rare one in a common status": {"status": ["new"], "category": ["rare"]},
}


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    body = ticket_body(category="common", tags=["common"], external_id=None)
    return dict(CreateTicketSchema().load(body))


@pytest.fixture
def database(mode: Mode, content: dict[str, Any]) -> Iterator[Database]:
    made = Database(mode.database_url)
    with made.transaction() as tx:
        rows = [draft(tx, content, NOW) | {"number": number} for number in range(1, TICKETS)]
        tx.insert(table(Ticket), rows)
    if mode.distributed:
        # SQLite, which nobody analyses, goes by the indexes there are.
        with made.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    yield made
    made.close()


def plan(database: Database, filters: Mapping[str, Any], sort: TicketSort) -> str:
    """Return the plan of the very statement that a list is read by."""
    with database.searching() as connection:
        with noting_statements(connection) as asked:
            tickets(connection, database.dialect, filters, sort, None, 51)
        return plan_of(connection, asked[-1])


def test_a_rare_value_is_found_by_an_index(mode: Mode, database: Database) -> None:
    plans = {name: plan(database, RARE[name], TicketSort.NEWEST) for name in RARE}
    # SQLite has no index into JSON, and does not know how rare a time is: it reads the list in its
    # own order then, which is off an index too.
    wrong = {name for name, found in plans.items() if reads_everything(found)}
    if mode.distributed:
        wrong |= {n for n, f in plans.items() if "uq_tickets_number" in f and n != "number"}
    assert wrong == set()


def test_an_order_without_a_filter_is_read_off_an_index(database: Database) -> None:
    for sort in TicketSort:
        found = plan(database, {}, sort)
        assert not reads_everything(found)
        assert "TEMP B-TREE" not in found
        assert "Sort Key: tickets." not in found or "Incremental Sort" in found


def reads_everything(found: str) -> bool:
    return "Seq Scan on tickets" in found or "SCAN tickets\n" in f"{found}\n"
