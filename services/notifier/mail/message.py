"""Renders an event to the bytes of one mail.

The same delivery always gives the same bytes: ids come from it, the date is the event's, the MIME
boundaries are derived. A mail that is sent twice after a crash therefore looks like one mail to
stores that drop copies by Message-ID.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from services.notifier.channels.base import PermanentFailure
from services.notifier.channels.mail_address import Mailbox, parse_mailbox, refuse_recipient
from services.notifier.mail.facts import MailFacts, complete
from services.notifier.mail.mime import bodies, header
from services.notifier.mail.recipient import Recipient
from services.notifier.mail.templates import BrokenTemplate, MailTemplates, MailText
from services.notifier.mail.threading import id_headers
from shared.domain.delivery import WRITTEN_MAILS, AnyMail, MailKind
from shared.domain.public_status import public_status
from shared.domain.ticket import TicketStatus


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail ready for a channel: envelope addresses, id for the log, bytes with CRLF lines."""

    sender: str
    recipient: str
    message_id: str
    message: bytes


class MailRenderer:
    """Builds mails in the name of `sender` (`Support <support@example.org>`).

    Raises InvalidMailbox when the sender is no address.
    """

    def __init__(self, templates: MailTemplates, *, sender: str) -> None:
        name, address = parseaddr(sender)
        self._sender = parse_mailbox(address, name)
        self.templates = templates

    @property
    def domain(self) -> str:
        """The right-hand side of message ids."""
        return self._sender.address.rpartition("@")[2]

    @property
    def address(self) -> str:
        """The address that mails come from."""
        return self._sender.address

    def render(
        self, kind: MailKind, recipient: Recipient, event: Mapping[str, Any], facts: MailFacts
    ) -> RenderedMail | PermanentFailure:
        """Build one mail from the decoded body of an event.

        Returns PermanentFailure when the address must not be used or a template is broken.
        """
        refusal = refuse_recipient(recipient.address)
        if refusal is not None:
            return refusal
        to = parse_mailbox(recipient.address, recipient.name)
        try:
            text = self.filled(kind, recipient, event, facts)
        except BrokenTemplate as fault:
            return PermanentFailure(str(fault))
        subject = _subject(kind, text, event["data"]["ticket"])
        return self.assembled(kind, to, replace(text, subject=subject), event["timestamp"], facts)

    def assembled(
        self, kind: AnyMail, to: Mailbox, text: MailText, at: str, facts: MailFacts
    ) -> RenderedMail:
        """Return a filled mail as bytes; `at` is its date in RFC 3339."""
        head = b"".join(
            [
                "".join(_by_hand(kind, facts, self.domain)).encode("ascii"),
                header("From", self._sender.header()),
                header("To", to.header()),
                header("Subject", text.subject),
                header("Date", datetime.fromisoformat(at)),
                f"Content-Language: {text.language}\r\n".encode("ascii"),
            ]
        )
        content = bodies(facts.message_id, text.text, text.html, facts.files)
        return RenderedMail(facts.return_path, to.address, facts.message_id, head + content)

    def filled(
        self, kind: MailKind, recipient: Recipient, event: Mapping[str, Any], facts: MailFacts
    ) -> MailText:
        """Return what a mail says; raises BrokenTemplate."""
        values = {**_values(event, facts), "recipient": recipient}
        return self.templates.fill(kind, facts.locale, values, facts.zone)


def _values(event: Mapping[str, Any], facts: MailFacts) -> dict[str, Any]:
    whole = complete(event)
    status = public_status(TicketStatus(whole.ticket["status"]))
    return {
        "ticket": whole.ticket,
        "data": whole.data,
        "status": status.value,
        **facts.values(),
    }


def _subject(kind: MailKind, text: MailText, ticket: Mapping[str, Any]) -> str:
    """Return the subject with the token that threads where clients drop every other header."""
    return text.subject if kind is MailKind.DIGEST else f"{text.subject} [#{ticket['number']}]"


def _by_hand(kind: AnyMail, facts: MailFacts, domain: str) -> Iterator[str]:
    """Give headers that EmailMessage would fold by encoding them (`=?utf-8?q?…`), as ASCII.

    All of it is ours: ids, tokens, and URLs, which hold no white space.
    """
    yield id_headers(facts.message_id, facts.references)
    if facts.reply_to:
        yield f"Reply-To: {facts.reply_to}\r\n"
    if kind not in WRITTEN_MAILS:
        # RFC 3834 section 5, and what Exchange looks at: holiday notes stay silent.
        replied = kind is MailKind.TICKET_RECEIVED
        yield f"Auto-Submitted: {'auto-replied' if replied else 'auto-generated'}\r\n"
        yield "X-Auto-Response-Suppress: All\r\n"
        yield f"X-Patchbay-Loop: {domain}\r\n"
    if facts.unsubscribe_url:
        # RFC 8058: the provider's own button posts to this, without a page or a cookie.
        yield f"List-Unsubscribe: <{facts.unsubscribe_url}>\r\n"
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
