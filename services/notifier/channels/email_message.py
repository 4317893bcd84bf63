"""Renders an event to the bytes of one mail.

The same event and kind always give the same bytes: ids come from the event, the date is the
event's, the MIME boundary is derived. A mail that is sent twice after a crash therefore looks like
one mail to stores that drop copies by Message-ID.

Relays are known to replace the Message-ID, so a mail names its own id in References too, next to an
id that stands for the ticket: all mails about a ticket hang together, whatever happens on the way.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from services.notifier.channels.base import PermanentFailure
from services.notifier.channels.mail_address import parse_mailbox, refuse_recipient
from services.notifier.channels.mail_recipient import recipient_of
from services.notifier.channels.mail_templates import DEFAULT_FOLDER, MailTemplates, MailText
from shared.domain.delivery import MailKind

# Seven bits: a relay without 8BITMIME would have to rewrite the body and break its DKIM signature.
_POLICY = policy.SMTP.clone(cte_type="7bit")
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail ready for a channel: envelope addresses, id for the log, bytes with CRLF lines."""

    sender: str
    recipient: str
    message_id: str
    message: bytes


class MailRenderer:
    """Builds mails in the name of `sender` (`Support <support@example.org>`).

    `domain` is the right-hand side of message ids, that of the sender by default. Raises
    InvalidMailbox when the sender is no address.
    """

    def __init__(
        self, template_folder: Path = DEFAULT_FOLDER, *, sender: str, domain: str | None = None
    ) -> None:
        name, address = parseaddr(sender)
        self._sender = parse_mailbox(address, name)
        self._domain = domain or self._sender.address.rpartition("@")[2]
        self._templates = MailTemplates(template_folder)

    def render(self, kind: MailKind, event: Mapping[str, Any]) -> RenderedMail | PermanentFailure:
        """Build one mail from the decoded body of an event.

        Returns PermanentFailure when there is nobody to write to or the address must not be used.
        Raises jinja2.TemplateError, KeyError or ValueError for an event of another shape.
        """
        recipient = recipient_of(kind, event)
        if recipient is None:
            return PermanentFailure("nobody with a mail address to tell")
        refusal = refuse_recipient(recipient.address)
        if refusal is not None:
            return refusal
        ticket = event["data"]["ticket"]
        to = parse_mailbox(recipient.address, recipient.name)
        desk = self._sender.name or self._sender.address
        values = {"ticket": ticket, "recipient": to, "desk": desk}
        text = self._templates.fill(kind, recipient.locale, values)

        message = EmailMessage(policy=_POLICY)
        message["From"] = self._sender.header()
        message["To"] = to.header()
        message["Subject"] = f"{text.subject} [#{ticket['number']}]"
        message["Date"] = datetime.fromisoformat(event["timestamp"])
        # RFC 3834 section 5, and what Exchange looks at: holiday notes stay silent.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        own_id = self._id(f"{_checked(event['id'])}.{kind}")
        _fill_bodies(message, text, boundary_seed=own_id)
        # After the bodies, because setting one drops every Content- header.
        message["Content-Language"] = text.language
        ids = _id_headers(own_id, root=self._id(_checked(ticket["id"])))
        return RenderedMail(self._sender.address, to.address, own_id, ids + message.as_bytes())

    def _id(self, left: str) -> str:
        return f"<{left}@{self._domain}>"


def _checked(identifier: str) -> str:
    if not _ID.fullmatch(identifier):
        raise ValueError("an id in the event is not one of ours")
    return identifier


def _id_headers(own_id: str, root: str) -> bytes:
    # By hand: EmailMessage folds a long id by encoding it (`=?utf-8?q?…`), which no client threads.
    # One id a line stays below the 998 bytes of RFC 5322 section 2.1.1 without any folding.
    lines = f"Message-ID: {own_id}\r\nIn-Reply-To: {root}\r\nReferences: {root}\r\n {own_id}\r\n"
    return lines.encode("ascii")


def _fill_bodies(message: EmailMessage, text: MailText, boundary_seed: str) -> None:
    message.set_content(text.text)
    message.add_alternative(text.html, subtype="html")
    # A random boundary would make every rendering of the same mail different.
    message.set_boundary("=_" + hashlib.sha256(boundary_seed.encode()).hexdigest()[:32])
