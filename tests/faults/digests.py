"""Digests in fault tests: hours that pass in no time, and the proof that nothing is told twice.

Every agent wants one mail an hour. What is to be told of is told once, by a mail of its own or in a
digest; or it is `unknown`, and told once at most.
"""

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage

from sqlalchemy import select

from services.chaos.client import Client
from services.notifier.digests import MAX_ENTRIES
from shared.db.engine import Database, Row, rows
from shared.db.models import Delivery, MailDigestEntry, Ticket
from shared.db.models.base import table
from shared.domain.delivery import AGENT_MAILS, HELD_RANK, DeliveryChannel
from shared.domain.errors import Unavailable
from shared.domain.work import WorkState
from tests.faults.desk import Desk
from tests.faults.mail_server import Mail

#: What becomes of news when the digest that tells of it is over.
SHARED = {WorkState.DONE: WorkState.CANCELLED, WorkState.UNKNOWN: WorkState.UNKNOWN}

HOUR_S = 0.5

_NUMBER = re.compile(r"#(\d+)\b")
_DELIVERIES, _ENTRIES, _TICKETS = table(Delivery), table(MailDigestEntry), table(Ticket)


def ask_for_digests(client: Client) -> None:
    """Let every agent want a mail an hour."""
    for agent in client.ask("GET", "/v1/agents?limit=100").document["items"]:
        path = f"/v1/agents/{agent['id']}/mail-preferences"
        wanted = client.ask("PUT", path, {"digest": "hourly"})
        assert wanted.status == 200, wanted.document


@contextmanager
def hours_passing(desk: Desk) -> Iterator[None]:
    """Let an hour pass again and again, for mails that are held."""
    over = threading.Event()

    def pass_hours() -> None:
        while not over.wait(HOUR_S):
            with suppress(Unavailable):
                desk.pass_hour()

    with ThreadPoolExecutor(1, thread_name_prefix="hours") as pool:
        passing = pool.submit(pass_hours)
        try:
            yield
        finally:
            over.set()
        passing.result()


def prove_told_once(database: Database, mails: Sequence[Mail]) -> int:
    """Show that held mails told everything, and nothing twice; return how many digests came."""
    held = _DELIVERIES.c.channel == DeliveryChannel.EMAIL, _DELIVERIES.c.rank == HELD_RANK
    query = select(_DELIVERIES, _TICKETS.c.number).join(
        _TICKETS, _TICKETS.c.id == _DELIVERIES.c.ticket_id
    )
    with database.reading() as connection:
        found = {row["id"]: row for row in rows(connection, query.where(*held))}
        entries = rows(connection, select(_ENTRIES.c.id, _ENTRIES.c.digest_id))
    digest_of = {row["id"]: row["digest_id"] for row in entries}
    came = Counter(mail.delivery_id for mail in mails)
    wrong = [
        f"{each} {row['work_state']} ({row['last_error']}): told {told} times"
        for each, row in found.items()
        if not _right(row, told := came[each] + came[digest_of.get(each, "")])
    ]
    wrong += [
        f"{each} {found[each]['work_state']}: its digest {digest} {found[digest]['work_state']}"
        for each, digest in digest_of.items()
        if found[each]["work_state"] is not SHARED.get(found[digest]["work_state"])
    ]
    assert not wrong, "\n".join(wrong)
    _prove_contents(found, digest_of, mails)
    return len({*digest_of.values()} & came.keys())


def _right(row: Row, told: int) -> bool:
    assert row["kind"] in AGENT_MAILS
    match row["work_state"]:
        case WorkState.DONE | WorkState.CANCELLED:
            return told == 1
        case WorkState.UNKNOWN:
            return told <= 1
        case _:
            return False


def _prove_contents(
    found: Mapping[str, Row], digest_of: Mapping[str, str], mails: Sequence[Mail]
) -> None:
    """Show that each digest names the tickets of all that it counts as told."""
    for mail in mails:
        told = [each for each, digest in digest_of.items() if digest == mail.delivery_id]
        if told and len(told) < MAX_ENTRIES:
            named = {int(number) for number in _NUMBER.findall(_text(mail))}
            missing = {found[each]["number"] for each in (mail.delivery_id, *told)} - named
            assert not missing, f"the digest {mail.delivery_id} does not tell of {missing}"


def _text(mail: Mail) -> str:
    message = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
