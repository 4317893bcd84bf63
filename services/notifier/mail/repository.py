"""The notifier's SQL for mails: what is known of a receiver, and what a digest tells."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, select

from services.notifier.job import Job
from services.notifier.mail.gate import Known
from services.notifier.mail.loop_caps import MAX_COUNTED, WINDOW
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
from shared.db.suppressions import blame, blame_of
from shared.db.types import READY
from shared.domain.attachment import ScanState
from shared.domain.delivery import HELD_RANK, DeliveryChannel
from shared.domain.ids import Prefix
from shared.domain.mail_preferences import preferences_of
from shared.domain.suppression import SuppressionReason
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


class MailRepository:
    """Reads what a mail needs to know, on one connection for each mail."""

    def __init__(self, database: Database, zone: str) -> None:
        self._database = database
        self._zone = zone

    def known(
        self, job: Job, recipient: Recipient, event: Mapping[str, Any], now: datetime
    ) -> Known:
        """Return everything that decides about a mail and is not in its event."""
        delivery, receiver = job.delivery, job.delivery["receiver"]
        with self._database.reading() as connection:
            person = _person(connection, recipient.id)
            wanted = preferences_of(person["document"] if person else None)
            return Known(
                blame=blame_of(connection, receiver),
                preferences=wanted,
                locale=(person or {}).get("locale") or recipient.locale,
                zone=wanted.time_zone or (person or {}).get("time_zone") or self._zone,
                sent=_sent(connection, receiver, now),
                earlier=_earlier(connection, delivery),
                unknown_before=job.attempt > 1 and _unknown_before(connection, delivery["id"]),
                told_in=_told_in(connection, delivery) if delivery["rank"] == HELD_RANK else None,
                opens_at=self._opens_at(connection, event),
                attachments=_attachments(connection, event["data"].get("comment")),
            )

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


def _person(connection: Connection, person_id: str | None) -> Row | None:
    if person_id is None:
        return None
    source = _AGENTS if person_id.startswith(Prefix.AGENT) else _REQUESTERS
    zone = () if source is _AGENTS else (_REQUESTERS.c.time_zone,)
    query = (
        select(source.c.locale, _PREFERENCES.c.document, *zone)
        .outerjoin(_PREFERENCES, _PREFERENCES.c.id == source.c.id)
        .where(source.c.id == person_id)
    )
    found = rows(connection, query)
    return found[0] if found else None


def _sent(connection: Connection, receiver: str, now: datetime) -> Sequence[tuple[datetime, str]]:
    query = (
        select(_DELIVERIES.c.finished_at, _DELIVERIES.c.ticket_id)
        .where(
            _OURS,
            _DELIVERIES.c.receiver == receiver,
            _DELIVERIES.c.finished_at > now - WINDOW,
            _DELIVERIES.c.work_state.in_([WorkState.DONE, WorkState.UNKNOWN]),
        )
        .order_by(_DELIVERIES.c.finished_at.desc())
        .limit(MAX_COUNTED)
    )
    return [(row["finished_at"], row["ticket_id"]) for row in rows(connection, query)]


def _earlier(connection: Connection, delivery: Row) -> Sequence[str]:
    query = (
        select(_DELIVERIES.c.id)
        .where(
            _OURS,
            _DELIVERIES.c.receiver == delivery["receiver"],
            _DELIVERIES.c.finished_at.is_not(None),
            _DELIVERIES.c.ticket_id == delivery["ticket_id"],
            _DELIVERIES.c.sequence < delivery["sequence"],
            _DELIVERIES.c.work_state == WorkState.DONE,
        )
        .order_by(_DELIVERIES.c.sequence.desc())
        .limit(MAX_EARLIER)
    )
    return [row["id"] for row in rows(connection, query)][::-1]


def _unknown_before(connection: Connection, delivery_id: str) -> bool:
    query = select(
        exists().where(_ATTEMPTS.c.delivery_id == delivery_id, _ATTEMPTS.c.outcome == "Unknown")
    )
    return bool(connection.execute(query).scalar_one())


def _told_in(connection: Connection, delivery: Row) -> str | None:
    query = select(_ENTRIES.c.digest_id).where(_ENTRIES.c.id == delivery["id"])
    found: str | None = connection.execute(query).scalar()
    return found


def _attachments(connection: Connection, comment: Mapping[str, Any] | None) -> list[Row]:
    if not comment or not comment["attachments"]:
        return []
    query = (
        select(_ATTACHMENTS)
        .where(
            _ATTACHMENTS.c.comment_id == comment["id"],
            _ATTACHMENTS.c.state != ScanState.INFECTED,
        )
        .order_by(_ATTACHMENTS.c.id)
    )
    return rows(connection, query)


def _first_is_due(connection: Connection, delivery_id: str, now: datetime) -> bool:
    """Tell whether the first held mail is being sent, or about to be; else it sends no digest."""
    query = select(_DELIVERIES.c.available_at).where(_DELIVERIES.c.id == delivery_id)
    due: datetime = connection.execute(query).scalar_one()
    return due <= now + LONGEST_LEASE
