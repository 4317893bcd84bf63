"""Gathers what a mail says beyond its event: links, times, files, and the names it goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.notifier.mail.facts import Entry, MailFacts, MailFile
from services.notifier.mail.gate import Known
from services.notifier.mail.recipient import Recipient
from services.notifier.mail.threading import references, ticket_reference
from shared.db.engine import Row
from shared.domain.attachment import AttachmentKind, ScanState
from shared.domain.clock import rfc3339
from shared.domain.delivery import AGENT_MAILS, OPTIONAL_MAILS, MailKind
from shared.mail_tokens import MailTokens, plus_address
from shared.public_links import PublicLinks
from shared.storage.base import ObjectMissing, Storage

_SCORES = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class MailDesk:
    """What all mails of a desk go by; addresses are bare, an empty one is not used.

    `reply_to` and `bounce_to` are mailboxes that take plus-addresses. `ticket_url` is where agents
    work, with `{id}` or `{number}` in it. `closes_after` and `reopen_window` are those of the life
    of tickets. Files below `attach_max_bytes` together come along, others are links.
    """

    links: PublicLinks
    tokens: MailTokens
    storage: Storage
    address: str
    reply_to: str = ""
    bounce_to: str = ""
    ticket_url: str = ""
    closes_after: timedelta | None = None
    reopen_window: timedelta = timedelta(0)
    attach_max_bytes: int = 0

    @property
    def domain(self) -> str:
        """The right-hand side of message ids."""
        return self.address.rpartition("@")[2]

    def is_ours(self, address: str) -> bool:
        """Tell whether an address is one of the desk's own mailboxes, with or without a token."""
        local, _, domain = address.lower().rpartition("@")
        plain = f"{local.partition('+')[0]}@{domain}"
        return plain in {each.lower() for each in (self.address, self.reply_to, self.bounce_to)}

    def facts(
        self,
        kind: MailKind,
        delivery: Row,
        recipient: Recipient,
        event: Mapping[str, Any],
        known: Known,
    ) -> MailFacts:
        """Return everything about a mail that is not in its event."""
        ticket, delivery_id = event["data"]["ticket"], delivery["id"]
        at = datetime.fromisoformat(event["timestamp"])
        own = self.tokens.message_id(ticket["id"], delivery_id, self.domain)
        earlier = [
            self.tokens.message_id(ticket["id"], each, self.domain) for each in known.earlier
        ]
        agents = kind in AGENT_MAILS
        reply = self.reply_to and plus_address(
            self.reply_to, self.tokens.reply(ticket["id"], recipient.address)
        )
        return MailFacts(
            message_id=own,
            references=references(ticket_reference(ticket["id"], self.domain), earlier, own),
            return_path=self.return_path(delivery_id),
            reply_to=reply or None,
            locale=known.locale,
            zone=known.zone,
            status_url="" if agents else self.links.status(ticket["id"], at),
            rating_urls=[self.links.rating(ticket["id"], score, at) for score in _SCORES]
            if kind is MailKind.RATING_REQUESTED
            else (),
            ticket_url=self._ticket_url(ticket) if agents else "",
            unsubscribe_url=self.unsubscribe(recipient, kind, at),
            opens_at=rfc3339(known.opens_at) if known.opens_at else None,
            closes_at=_later(ticket["resolved_at"], self.closes_after),
            reopen_until=_later(ticket["resolved_at"] or ticket["closed_at"], self.reopen_window),
            files=self._files(ticket["id"], known.attachments, at, agents=agents),
        )

    def return_path(self, delivery_id: str) -> str:
        """Return the envelope sender of a mail: bounces to it tell which delivery failed (VERP)."""
        if not self.bounce_to:
            return self.address
        return plus_address(self.bounce_to, self.tokens.bounce(delivery_id))

    def unsubscribe(self, recipient: Recipient, kind: MailKind, at: datetime) -> str:
        """Return the link by which somebody gets no mails of a kind any more, or "" if none."""
        if recipient.id is None or kind not in OPTIONAL_MAILS | {MailKind.DIGEST}:
            return ""
        return self.links.unsubscribe(recipient.id, kind, at)

    def _ticket_url(self, ticket: Mapping[str, Any]) -> str:
        template = self.ticket_url
        return template.replace("{id}", ticket["id"]).replace("{number}", str(ticket["number"]))

    def _files(
        self, ticket_id: str, attachments: Sequence[Row], at: datetime, *, agents: bool
    ) -> list[MailFile]:
        """Take small files along, to requesters, and link to the others."""
        found, room = [], self.attach_max_bytes
        for row in attachments:
            content = None
            if not agents and row["kind"] is AttachmentKind.FILE and (row["size"] or 0) <= room:
                content = self._content(row)
                room -= len(content or b"")
            url = None if agents else self.links.file(ticket_id, row["id"], at)
            if row["kind"] is AttachmentKind.LINK:
                url = row["url"]
            media_type = row["media_type"] or "application/octet-stream"
            shown = None if content is not None else url
            found.append(MailFile(row["name"], shown, media_type, content))
        return found

    def _content(self, row: Row) -> bytes | None:
        if row["state"] is ScanState.PENDING or row["storage_key"] is None or not row["size"]:
            return None
        try:
            return b"".join(self.storage.read(row["storage_key"], 0, row["size"]))
        except ObjectMissing:
            return None


def entry_of(event: Mapping[str, Any], subject: str) -> Entry:
    """Return a piece of news for a digest; `subject` is that of the mail it would have been."""
    data = event["data"]
    said = (data.get("comment") or {}).get("body") or ""
    return Entry(event["timestamp"], f"#{data['ticket']['number']} {subject}", said)


def _later(moment: str | None, by: timedelta | None) -> str | None:
    return None if not moment or not by else rfc3339(datetime.fromisoformat(moment) + by)
