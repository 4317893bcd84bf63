"""Notifiers that are killed while their mails lie inside SMTP DATA, in both modes.

Nobody can know what became of such a mail (RFC 1047). What a person wrote is sent once more, with
the same bytes; everything else is `unknown` and never sent twice. Mails that were leased and had
not begun DATA are sent as if nothing had happened.

Leases of mails last minutes, so the time until they end is passed over in the database, and only
while no notifier lives.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import and_, select, update

from services.chaos.client import Client
from shared.db.engine import Database
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.domain.clock import SystemClock
from shared.domain.delivery import WRITTEN_MAILS, DeliveryChannel
from shared.domain.work import WorkState
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.mail_server import MailServer, Stage
from tests.faults.modes import standalone

#: Kills in the short form and in the long one, and tickets before each.
SHORT, LONG, TICKETS = 2, 20, 6
#: Connections of a notifier, each of which has one mail inside DATA.
CONNECTIONS = 4
#: Of an API with nobody's mails but these.
AGENTS = 2
PATIENCE_S = 60.0

#: What a person says, and what a machine tells of.
_WRITTEN: tuple[str, dict[str, Any]] = ("comments", {"body": "Try again now."})
_AUTOMATIC: tuple[str, dict[str, Any]] = (
    "transitions",
    {"transition": "resolve", "resolution": {"summary": "Restart the client."}},
)

_DELIVERIES = table(Delivery)
_MAILS = _DELIVERIES.c.channel == DeliveryChannel.EMAIL
_READY = and_(_MAILS, _DELIVERIES.c.work_state == WorkState.READY)

pytestmark = pytest.mark.xdist_group("faults-others")


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(params=["standalone", "distributed"])
def desk(
    request: pytest.FixtureRequest, mail_server: MailServer, tmp_path: Path
) -> Iterator[tuple[Desk, str, Database]]:
    """A desk that mails, the process that sends, and its database."""
    settings = {
        "PATCHBAY_EMAIL_URL": mail_server.url,
        "PATCHBAY_EMAIL_CONCURRENCY": str(CONNECTIONS),
    }
    with ExitStack() as stack:
        if request.param == "standalone":
            closed, sends = standalone(tmp_path, settings), "serve"
        else:
            make: Callable[..., Desk] = request.getfixturevalue("build_desk")
            closed, sends = make(settings), "notifier"
        database = Database(closed.database_url)
        stack.callback(database.close)
        yield stack.enter_context(closed.open(AGENTS, TICKETS * LONG)), sends, database


def test_a_mail_inside_data_is_never_lost_and_sent_twice_only_if_a_person_wrote_it(
    desk: tuple[Desk, str, Database], mail_server: MailServer, rounds: int, note: Note
) -> None:
    running, sends, database = desk
    stages: Counter[Stage] = Counter()
    with closing(running.client()) as client:
        for number in range(SHORT if rounds == 1 else LONG):
            tickets = [_made(client, number * TICKETS + n) for n in range(TICKETS)]
            assert wait_until(lambda: _at_rest(database), PATIENCE_S), _left(database)
            # Both kinds of mail die in both stages, one after the other.
            stage, written = list(Stage)[number % 2], number // 2 % 2 == number % 2
            mail_server.hold = stage
            for each in tickets:
                path, body = _WRITTEN if written else _AUTOMATIC
                answer = client.post(f"/v1/tickets/{each}/{path}", body)
                assert answer.status in (200, 201), answer.document
            assert wait_until(lambda: mail_server.held == CONNECTIONS, PATIENCE_S), "nobody came"
            running.processes[sends].kill()
            stages[stage] += CONNECTIONS
            assert wait_until(lambda: mail_server.held == 0, PATIENCE_S)
            mail_server.hold = None
            _end_leases(database)
            running.restart(sends)
    assert wait_until(lambda: _at_rest(database), PATIENCE_S), _left(database)
    _prove(database, mail_server, stages.total())
    died = {stage.value: count for stage, count in stages.items()}
    note(f"{died} mails died inside DATA; {len(mail_server.mails)} came whole")
    assert not running.crashes()


def _made(client: Client, number: int) -> str:
    """Make a ticket and return its id."""
    body = {"subject": f"VPN {number}", "requester": {"email": f"r{number}@example.com"}}
    return str(client.post("/v1/tickets", body).document["id"])


def _prove(database: Database, server: MailServer, died: int) -> None:
    came: dict[str, list[bytes]] = defaultdict(list)
    for mail in server.mails:
        came[mail.delivery_id].append(mail.content)
    with database.reading() as connection:
        found = connection.execute(select(_DELIVERIES).where(_MAILS)).mappings().all()
    assert {row["work_state"] for row in found} <= {WorkState.DONE, WorkState.UNKNOWN}
    unknown = [row for row in found if row["work_state"] is WorkState.UNKNOWN]
    twice = [row for row in found if len(came[row["id"]]) > 1]
    assert all(row["kind"] not in WRITTEN_MAILS for row in unknown), "a person's words are lost"
    assert all(row["kind"] in WRITTEN_MAILS for row in twice), "sent twice against the policy"
    assert all(len(came[row["id"]]) <= 2 and len(set(came[row["id"]])) == 1 for row in twice)
    assert all(came[row["id"]] for row in found if row["work_state"] is WorkState.DONE), "lost"
    assert 0 < len(unknown) <= died


def _end_leases(database: Database) -> None:
    _make_due(database, and_(_READY, _DELIVERIES.c.lease_token.is_not(None)))


def _at_rest(database: Database) -> bool:
    """Tell whether nothing is left, and have what waits to be sent once more not wait for it."""
    now = SystemClock().now()
    _make_due(
        database,
        and_(_READY, _DELIVERIES.c.lease_token.is_(None), _DELIVERIES.c.available_at > now),
    )
    return not _left(database)


def _make_due(database: Database, which: Any) -> None:
    with database.transaction() as tx:
        now = SystemClock().now()
        tx.execute(update(_DELIVERIES).where(which).values(available_at=now))


def _left(database: Database) -> list[tuple[str, str | None]]:
    query = select(_DELIVERIES.c.kind, _DELIVERIES.c.last_error).where(_READY)
    with database.reading() as connection:
        return [(row.kind, row.last_error) for row in connection.execute(query)]
