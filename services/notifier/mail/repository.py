"""The notifier's SQL for mails: what is known of a receiver, and what a digest tells."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, select

from services.notifier.job import Job
from services.notifier.mail.gate import Known
from services.notifier.mail.loop_caps import WINDOW
from services.notifier.mail.recipient import Recipient
from services.notifier.mail.threading import MAX_EARLIER
from shared.db.engine import Database, Row, rows
from shared.db.models import (
    Agent,
    Attachment,
    Delivery,
    DeliveryAttempt,
    MailDigestEntry,
    MailPreference,
    Requester,
    TicketEvent,
)
from shared.db.models.base import table
from shared.db.suppressions import blame, blames_of
from shared.db.types import READY
from shared.domain.attachment import ScanState
from shared.domain.delivery import HELD_RANK, DeliveryChannel
from shared.domain.ids import Prefix
from shared.domain.mail_preferences import preferences_of
from shared.domain.suppression import Blame, SuppressionReason
from shared.domain.work import WorkState
from shared.domain.working_time import OutsideHorizon

_DELIVERIES, _ATTEMPTS, _EVENTS = table(Delivery), table(DeliveryAttempt), table(TicketEvent)
_ENTRIES, _PREFERENCES = table(MailDigestEntry), table(MailPreference)
_AGENTS, _REQUESTERS, _ATTACHMENTS = table(Agent), table(Requester), table(Attachment)

#: News in one digest; of more, the number is told.
MAX_ENTRIES = 50
#: A mail that is being sent is due again when its lease ends; not later than this.
LONGEST_LEASE = timedelta(minutes=12)
_MOMENT = timedelta(microseconds=1)
_OURS = _DELIVERIES.c.channel == DeliveryChannel.EMAIL


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that is to be sent: its delivery, who gets it, and the event in wire form."""

    job: Job
    recipient: Recipient
    event: Mapping[str, Any]


class MailRepository:
    """Reads what mails need to know, for many of them at once."""

    def __init__(self, database: Database, zone: str) -> None:
        self._database = database
        self._zone = zone

    def known(self, asked: Sequence[Asked], now: datetime) -> list[Known]:
        """Return everything that decides about each mail and is not in its event.

        A fixed number of queries, however many mails there are.
        """
        receivers = sorted({each.job.receiver for each in asked})
        retried = [each.job.delivery["id"] for each in asked if each.job.attempt > 1]
        held = [each.job.delivery["id"] for each in asked if each.job.delivery["rank"] == HELD_RANK]
        comments = [comment["id"] for each in asked if (comment := _comment_of(each.event))]
        with self._database.reading() as connection:
            blames = blames_of(connection, receivers)
            people = _people(connection, [each.recipient.id for each in asked])
            sent = _sent(connection, receivers, now)
            earlier = _earlier(connection, asked)
            unknown = _unknown_before(connection, retried)
            told_in = _told_in(connection, held)
            files = _attachments(connection, comments)
            opening = [self._opens_at(connection, each.event) for each in asked]
        found = []
        for each, opens_at in zip(asked, opening, strict=True):
            delivery, person = each.job.delivery, people.get(each.recipient.id or "", {})
            wanted = preferences_of(person.get("document"))
            found.append(
                Known(
                    blame=blames.get(each.job.receiver.strip().lower()),
                    preferences=wanted,
                    locale=person.get("locale") or each.recipient.locale,
                    zone=wanted.time_zone or person.get("time_zone") or self._zone,
                    sent=sent.get(each.job.receiver, ()),
                    earlier=earlier.get(delivery["id"], ()),
                    unknown_before=delivery["id"] in unknown,
                    told_in=told_in.get(delivery["id"]),
                    opens_at=opens_at,
                    attachments=files.get((_comment_of(each.event) or {}).get("id", ""), ()),
                )
            )
        return found

    def blamed(self, address: str) -> Blame | None:
        """Return what bounces and complaints say of an address; None if there were none."""
        with self._database.reading() as connection:
            return blames_of(connection, [address]).get(address.strip().lower())

    def collect(self, job: Job, now: datetime) -> tuple[list[Row], int] | None:
        """Take the held mails of a receiver into the digest that this delivery sends.

        Returns the deliveries with their events' bodies, oldest first, and how many there are
        besides; None if another delivery sends the digest. Doing it again finds the same.
        """
        mine = job.delivery["id"]
        with self._database.transaction() as tx:
            told = select(_ENTRIES.c.id).where(_ENTRIES.c.id == _DELIVERIES.c.id)
            held = (
                select(_DELIVERIES.c.id)
                .where(
                    _OURS,
                    _DELIVERIES.c.receiver == job.delivery["receiver"],
                    _DELIVERIES.c.work_state == READY,
                    _DELIVERIES.c.rank == HELD_RANK,
                    _DELIVERIES.c.created_at <= now,
                    ~exists(told),
                )
                .order_by(_DELIVERIES.c.id)
                .with_for_update(of=_DELIVERIES)
            )
            ids = [row["id"] for row in tx.rows(held)]
            if ids and ids[0] != mine and _first_is_due(tx.connection, ids[0], now):
                return None
            new = [each for each in ids if each != mine]
            tx.insert_new(
                _ENTRIES, [{"id": each, "digest_id": mine, "created_at": now} for each in new]
            )
            entries = (
                select(_DELIVERIES.c.kind, _EVENTS.c.body)
                .join(_EVENTS, _EVENTS.c.id == _DELIVERIES.c.event_id)
                .outerjoin(_ENTRIES, _ENTRIES.c.id == _DELIVERIES.c.id)
                .where((_DELIVERIES.c.id == mine) | (_ENTRIES.c.digest_id == mine))
                .order_by(_DELIVERIES.c.id)
            )
            found = tx.rows(entries)
        return found[:MAX_ENTRIES], max(len(found) - MAX_ENTRIES, 0)

    def blame(self, address: str, detail: str, now: datetime) -> None:
        """Note that a server says there is no such mailbox."""
        with self._database.transaction() as tx:
            blame(tx, address, SuppressionReason.HARD_BOUNCE, detail, now)

    def _opens_at(self, connection: Connection, event: Mapping[str, Any]) -> datetime | None:
        """Return when work begins next if a ticket came outside of working hours."""
        if event["type"] != "ticket.created":
            return None
        book = self._database.service_levels.book(connection)
        at = datetime.fromisoformat(event["timestamp"])
        try:
            opens = book.policy_of(event["data"]["ticket"]).hours.add(at, _MOMENT) - _MOMENT
        except OutsideHorizon:
            return None
        return opens if opens > at else None


def _comment_of(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the comment of an event if it brought files along."""
    comment: Mapping[str, Any] | None = event["data"].get("comment")
    return comment if comment and comment["attachments"] else None


def _people(connection: Connection, ids: Sequence[str | None]) -> dict[str, Row]:
    known = {each for each in ids if each is not None}
    agents = sorted(each for each in known if each.startswith(f"{Prefix.AGENT}_"))
    found: list[Row] = []
    for source, wanted in ((_AGENTS, agents), (_REQUESTERS, sorted(known - set(agents)))):
        if wanted:
            zone = () if source is _AGENTS else (_REQUESTERS.c.time_zone,)
            query = (
                select(source.c.id, source.c.locale, _PREFERENCES.c.document, *zone)
                .outerjoin(_PREFERENCES, _PREFERENCES.c.id == source.c.id)
                .where(source.c.id.in_(wanted))
            )
            found += rows(connection, query)
    return {row["id"]: row for row in found}


def _sent(
    connection: Connection, receivers: Sequence[str], now: datetime
) -> dict[str, list[tuple[datetime, str]]]:
    query = select(
        _DELIVERIES.c.receiver, _DELIVERIES.c.finished_at, _DELIVERIES.c.ticket_id
    ).where(
        _OURS,
        _DELIVERIES.c.receiver.in_(receivers),
        _DELIVERIES.c.finished_at > now - WINDOW,
        _DELIVERIES.c.work_state.in_([WorkState.DONE, WorkState.UNKNOWN]),
    )
    found: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in rows(connection, query):
        found[row["receiver"]].append((row["finished_at"], row["ticket_id"]))
    return found


def _earlier(connection: Connection, asked: Sequence[Asked]) -> dict[str, list[str]]:
    """Return by delivery the mails of its ticket to its receiver before it, oldest first."""
    later = [each.job.delivery for each in asked if each.job.delivery["sequence"] > 1]
    if not later:
        return {}
    query = (
        select(
            _DELIVERIES.c.id,
            _DELIVERIES.c.receiver,
            _DELIVERIES.c.ticket_id,
            _DELIVERIES.c.sequence,
        )
        .where(
            _OURS,
            _DELIVERIES.c.receiver.in_(sorted({row["receiver"] for row in later})),
            _DELIVERIES.c.ticket_id.in_(sorted({row["ticket_id"] for row in later})),
            _DELIVERIES.c.finished_at.is_not(None),
            _DELIVERIES.c.work_state == WorkState.DONE,
        )
        .order_by(_DELIVERIES.c.sequence)
    )
    threads: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows(connection, query):
        threads[row["receiver"], row["ticket_id"]].append(row)
    return {
        delivery["id"]: [
            row["id"]
            for row in threads[delivery["receiver"], delivery["ticket_id"]]
            if row["sequence"] < delivery["sequence"]
        ][-MAX_EARLIER:]
        for delivery in later
    }


def _unknown_before(connection: Connection, ids: Sequence[str]) -> set[str]:
    if not ids:
        return set()
    query = select(_ATTEMPTS.c.delivery_id).where(
        _ATTEMPTS.c.delivery_id.in_(ids), _ATTEMPTS.c.outcome == "Unknown"
    )
    return set(connection.execute(query).scalars())


def _told_in(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    if not ids:
        return {}
    query = select(_ENTRIES.c.id, _ENTRIES.c.digest_id).where(_ENTRIES.c.id.in_(ids))
    return {row["id"]: row["digest_id"] for row in rows(connection, query)}


def _attachments(connection: Connection, comment_ids: Sequence[str]) -> dict[str, list[Row]]:
    if not comment_ids:
        return {}
    query = (
        select(_ATTACHMENTS)
        .where(
            _ATTACHMENTS.c.comment_id.in_(comment_ids),
            _ATTACHMENTS.c.state != ScanState.INFECTED,
        )
        .order_by(_ATTACHMENTS.c.id)
    )
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows(connection, query):
        found[row["comment_id"]].append(row)
    return found


def _first_is_due(connection: Connection, delivery_id: str, now: datetime) -> bool:
    """Tell whether the first held mail is being sent, or about to be; else it sends no digest."""
    query = select(_DELIVERIES.c.available_at).where(_DELIVERIES.c.id == delivery_id)
    due: datetime = connection.execute(query).scalar_one()
    return due <= now + LONGEST_LEASE
