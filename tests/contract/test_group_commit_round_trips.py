"""What a batch of new tickets costs: round trips do not grow with its size, nor with features."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from services.intake.group_commit import Accepted, GroupCommitter, Submission
from shared.db.dialects.base import Write
from shared.db.engine import Database
from shared.db.models import Requester, RequesterIdentity
from shared.db.ticket_changes import NewTicket
from shared.domain.attachment import AttachmentRules
from shared.domain.clock import SystemClock
from tests.factories import ticket_content
from tests.fixtures.modes import Mode
from tests.rows import rows


class Counted(Database):
    """A database that notes its queries and each lot of writes that is sent together."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.queries: list[str] = []
        self.sent: list[list[str]] = []
        event.listen(self.engine, "before_cursor_execute", self._note)
        self._send, self.dialect.send = self.dialect.send, self._note_sent  # type: ignore[method-assign]

    def _note(self, _: Any, __: Any, statement: str, *___: Any) -> None:
        # Service levels are looked at once a second, whatever the batches.
        if not statement.startswith("BEGIN") and "configuration_versions" not in statement:
            self.queries.append(statement)

    def _note_sent(self, connection: Connection, writes: Sequence[Write], *, commit: bool) -> None:
        self.sent.append([" ".join(write.sql.split()[:3]) for write in writes])
        self._send(connection, writes, commit=commit)


@pytest.fixture
def counted(mode: Mode) -> Iterator[Counted]:
    database = Counted(mode.database_url)
    yield database
    database.close()


def store(database: Counted, people: list[dict[str, Any]], **content: Any) -> None:
    """Commit a ticket of each of these people as one batch."""
    with database.transaction() as tx:
        tx.service_levels.book(tx.connection)
    database.queries.clear()
    database.sent.clear()
    rules = AttachmentRules(max_bytes=1, max_count=1, max_total_bytes=1, scan=False)
    committer = GroupCommitter(database, SystemClock(), lambda _: None, timedelta(days=1), rules)
    answers = committer._store(
        [
            Submission(
                NewTicket(ticket_content(requester=person, **content), "test", "req_1"),
                None,
            )
            for person in people
        ]
    )
    assert all(isinstance(answer, Accepted) for answer in answers)


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"email": f"e{n}@example.com", "phone": f"+442079{n:06d}", **more} for n in range(count)
    ]


TICKET = ["INSERT INTO tickets", "INSERT INTO ticket_events", "INSERT INTO event_outbox"]
MADE = ["INSERT INTO requesters", "INSERT INTO requester_identities"]


@pytest.mark.parametrize("count", [1, 100])
def test_requesters_cost_a_batch_one_query_and_writes_only_where_something_is_new(
    counted: Counted, count: int
) -> None:
    store(counted, people(count))
    # Requesters and numbers are asked for, each once; everything that is written goes together.
    assert len(counted.queries) == 2
    assert counted.sent == [[*MADE, *TICKET]]
    store(counted, people(count))
    assert (len(counted.queries), counted.sent) == (2, [TICKET])
    store(counted, people(count, locale="ru"))
    assert (len(counted.queries), counted.sent) == (2, [["UPDATE requesters SET", *TICKET]])
    assert {row["locale"] for row in rows(counted, Requester)} == {"ru"}
    assert len(rows(counted, RequesterIdentity)) == 2 * count


def test_people_without_an_address_cost_no_query(counted: Counted) -> None:
    store(counted, [{"name": "Mira"}])
    assert (len(counted.queries), counted.sent) == (1, [[MADE[0], *TICKET]])


def test_a_batch_finds_those_whom_it_makes_itself(counted: Counted) -> None:
    store(counted, [{"email": "mira@example.com"}, {"email": "Mira@example.com", "name": "Mira"}])
    [requester] = rows(counted, Requester)
    assert (requester["name"], requester["version"]) == ("Mira", 1)


def test_a_refresh_that_comes_too_late_leaves_what_is_there(counted: Counted) -> None:
    """Somebody else changed the profile since it was read; theirs stands."""
    store(counted, people(1))
    [requester] = rows(counted, Requester)
    for name, version in (("late", 0), ("right", 1)):
        row = {"id": requester["id"], "version": version, "name": name}
        with counted.transaction() as tx:
            table_ = Requester.__table__
            tx.update(table_, [row], key=("id", "version"), raised="version")  # type: ignore[arg-type]
    [after] = rows(counted, Requester)
    assert (after["name"], after["version"]) == ("right", 2)
