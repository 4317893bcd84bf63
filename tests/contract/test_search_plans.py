"""No search and no page of the feed reads a table from end to end."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event, text

from shared.db import feed
from shared.db.engine import Database
from shared.db.feed import Position
from shared.db.search import finding
from shared.db.search.document import Audience
from shared.db.search.indexer import SearchIndexer
from shared.domain.clock import SystemClock
from shared.domain.search.parse import parse
from tests.factories import NOW
from tests.feed import create, settled

TICKETS = 1000
ASKED = ("vpn", "vpn status:new", '"vpn drops" -printer', "status:new", "vpn created:<2020-01-01")


@pytest.fixture
def filled(database: Database) -> Database:
    for _ in range(0, TICKETS, 500):
        with database.transaction() as tx:
            for number in range(500):
                create(tx, description=f"only in {number}", tags=[f"t{number}"])
    settled(database)
    indexer = SearchIndexer(database, SystemClock())
    while indexer():
        pass
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return database


@pytest.fixture
def plans(filled: Database) -> Iterator[list[str]]:
    """Explains every query that is sent meanwhile.

    In a table this small PostgreSQL would rather read all of it, so it is told not to; whatever
    still does has no index to go by.
    """
    found: list[str] = []
    sqlite = filled.engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "

    def look(connection, cursor, statement, parameters, context, many):
        if statement.lstrip().startswith(("SELECT", "WITH")):
            if not sqlite:
                cursor.execute("SET enable_seqscan = off")
            cursor.execute(explain + statement, parameters)
            found.append("\n".join(str(row) for row in cursor.fetchall()))

    event.listen(filled.engine, "before_cursor_execute", look)
    yield found
    event.remove(filled.engine, "before_cursor_execute", look)


def whole_tables(plan: str) -> list[str]:
    """Return the lines of a plan that read all of a table."""
    return [
        line
        for line in plan.splitlines()
        if "Seq Scan" in line
        or ("'SCAN " in line and "VIRTUAL TABLE" not in line and "CONSTANT" not in line)
    ]


def test_every_search_goes_by_an_index(filled: Database, plans: list[str]) -> None:
    for q in ASKED:
        question = parse(q)
        finding.by_relevance(filled, question, Audience.STAFF, NOW, None, 20)
        finding.by_age(filled, question, Audience.ALL, 500, 20)
    assert len(plans) >= 2 * len(ASKED)
    for plan in plans:
        assert whole_tables(plan) == [], plan


def test_the_feed_goes_by_an_index(filled: Database, plans: list[str]) -> None:
    with filled.reading() as connection:
        end = feed.latest(connection, filled.dialect)
        some = feed.read(connection, filled.dialect, Position(-1), 10)
        middle = some.end
        for after in (Position(-1), middle, end):
            feed.read(connection, filled.dialect, after, 10)
            feed.read(connection, filled.dialect, after, 10, types={"ticket.created"})
            feed.read_tickets(connection, filled.dialect, after, 100)
            ticket = middle.ticket_id
            feed.read(connection, filled.dialect, after, 10, ticket_id=ticket)
        feed.lag_s(connection, filled.dialect, NOW)
    assert plans
    for plan in plans:
        assert whole_tables(plan) == [], plan
