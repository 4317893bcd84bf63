"""Everything that is kept of a requester, as one JSON document, a piece at a time.

Each page is read on its own, so that neither memory nor a connection is held however long the
story is and however slowly it is read.
"""

from collections.abc import Iterator
from datetime import datetime

from services.intake import requester_repository as repository
from shared.db import ticket_changes
from shared.db.engine import Database, Row
from shared.db.types import dump_json
from shared.domain.clock import rfc3339
from shared.schemas.requester import RequesterProfileSchema

TICKETS, EVENTS = 20, 100

#: Above every ticket's number.
_ABOVE = 2**63 - 1

_schema = RequesterProfileSchema()


def export(database: Database, requester: Row, now: datetime) -> Iterator[str]:
    """Yield a document of `shared.schemas.requester.RequesterExportSchema`."""
    with database.reading() as connection:
        merged = repository.merged_into(connection, requester["id"])
    head = {
        "exported_at": rfc3339(now),
        "requester": _schema.dump(requester),
        "merged": [_schema.dump(row) for row in merged],
    }
    yield f'{dump_json(head)[:-1]},"tickets":['
    comma = ""
    for owner in (requester, *merged):
        for held in _tickets(database, owner["id"]):
            document = dump_json(ticket_changes.ticket_document(*held))
            yield f'{comma}{{"ticket":{document},"events":['
            yield from _events(database, held[0]["id"])
            yield "]}"
            comma = ","
    yield "]}"


def _tickets(database: Database, requester_id: str) -> Iterator[repository.Held]:
    """Yield tickets, the newest first."""
    before = _ABOVE
    while True:
        with database.reading() as connection:
            page = repository.tickets(connection, requester_id, before, TICKETS)
        yield from page
        if len(page) < TICKETS:
            return
        before = page[-1][0]["number"]


def _events(database: Database, ticket_id: str) -> Iterator[str]:
    """Yield the stored bodies of a ticket's events, with commas between them."""
    after, comma = 0, ""
    while True:
        with database.reading() as connection:
            page = repository.event_bodies(connection, ticket_id, after, EVENTS)
        for row in page:
            yield f"{comma}{row['body']}"
            comma = ","
        if len(page) < EVENTS:
            return
        after = page[-1]["sequence"]
