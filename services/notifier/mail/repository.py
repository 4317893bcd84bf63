"""The notifier's SQL for mails: what is known of a receiver."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from services.notifier import digests
from services.notifier.job import Job
from services.notifier.mail.gate import Known
from services.notifier.mail.loop_caps import WINDOW, Sent, before
from services.notifier.mail.recipient import Recipient
from services.notifier.mail.threading import MAX_EARLIER
from shared.db.engine import Database, Row, rows
from shared.db.models import (
    Agent,
    Attachment,
    Delivery,
    DeliveryAttempt,
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
from shared.domain.outcome_name import AttemptOutcome
from shared.domain.suppression import Blame, SuppressionReason
from shared.domain.work import WorkState
from shared.domain.working_time import OutsideHorizon

_DELIVERIES, _ATTEMPTS, _EVENTS = table(Delivery), table(DeliveryAttempt), table(TicketEvent)
_PREFERENCES = table(MailPreference)
_AGENTS, _REQUESTERS, _ATTACHMENTS = table(Agent), table(Requester), table(Attachment)

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

    def __init__(self, database: Database, zone: str, locale: str) -> None:
        self._database = database
        #: Those of people whose own are not known.
        self.zone = zone
        self.locale = locale

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
            told_in, tell = digests.digests_of(connection, held)
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
                    locale=person.get("locale") or each.recipient.locale or self.locale,
                    zone=wanted.time_zone or person.get("time_zone") or self.zone,
                    sent=before(sent.get(each.job.receiver, ()), delivery["id"], now),
                    earlier=earlier.get(delivery["id"], ()),
                    unknown_before=delivery["id"] in unknown,
                    told_in=told_in.get(delivery["id"]),
                    tells=delivery["id"] in tell,
                    opens_at=opens_at,
                    attachments=files.get((_comment_of(each.event) or {}).get("id", ""), ()),
                )
            )
        return found

    def owner(self, address: str) -> tuple[Blame | None, str]:
        """Return what speaks against the address of a webhook's owner, and their language.

        An owner is an address and nothing else, unless an agent has it.
        """
        plain = address.strip().lower()
        query = select(_AGENTS.c.locale).where(func.lower(_AGENTS.c.email) == plain).limit(1)
        with self._database.reading() as connection:
            locale = connection.execute(query).scalar_one_or_none()
            return blames_of(connection, [address]).get(plain), locale or self.locale

    def collect(self, job: Job, now: datetime) -> tuple[list[Row], int] | None:
        """Take the held mails of a receiver into the digest that this delivery sends."""
        return digests.collect(self._database, job, now)

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


def _sent(connection: Connection, receivers: Sequence[str], now: datetime) -> dict[str, list[Sent]]:
    """Return by receiver the mails they had lately, with those that are being sent to them now."""
    columns = _DELIVERIES.c
    sent = and_(
        columns.finished_at > now - WINDOW,
        columns.work_state.in_([WorkState.DONE, WorkState.UNKNOWN, WorkState.BOUNCED]),
    )
    under_way = and_(
        columns.finished_at.is_(None),
        columns.work_state == READY,
        columns.lease_token.is_not(None),
        columns.available_at > now,
    )
    query = select(columns.id, columns.receiver, columns.finished_at, columns.ticket_id).where(
        _OURS, columns.receiver.in_(receivers), or_(sent, under_way)
    )
    found: dict[str, list[Sent]] = defaultdict(list)
    for row in rows(connection, query):
        sent_mail = Sent(row["finished_at"], row["ticket_id"], row["id"])
        found[row["receiver"]].append(sent_mail)
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
        _ATTEMPTS.c.delivery_id.in_(ids), _ATTEMPTS.c.outcome == AttemptOutcome.UNKNOWN.kept
    )
    return set(connection.execute(query).scalars())


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
