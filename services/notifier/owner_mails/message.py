"""Renders news about a webhook to one mail.

Plain text, in English and then in Russian: nobody knows the language of an owner, who is an address
and nothing else. The same event always gives the same bytes.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.channels.mail_address import one_line, parse_mailbox
from services.notifier.mail.message import RenderedMail
from shared.domain.delivery import OwnerMailKind

_TEMPLATES = Path(__file__).parent / "templates"
_POLICY = policy.SMTP.clone(cte_type="7bit")
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
# Control characters and lone surrogates, which neither mail nor UTF-8 can carry.
_UNSENDABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class OwnerMails:
    """Builds mails in the name of `sender`; raises InvalidMailbox when that is no address."""

    def __init__(self, sender: str) -> None:
        name, address = parseaddr(sender)
        self.sender = parse_mailbox(address, name)
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(_TEMPLATES),
            undefined=StrictUndefined,
            # Text and no HTML: nothing is escaped, and what others wrote is reduced to one line.
            autoescape=False,
            trim_blocks=True,
            auto_reload=False,
        )

    def render(
        self, kind: OwnerMailKind, recipient: str, return_path: str, event: Mapping[str, Any]
    ) -> RenderedMail:
        """Return one mail, whose bounces go to `return_path`.

        Raises InvalidMailbox for a recipient that is none.
        """
        to = parse_mailbox(recipient)
        data = event["data"]
        since = datetime.fromisoformat(data["failing_since"]).astimezone(UTC)
        values = {
            "webhook": {name: _clean(value) for name, value in data["webhook"].items()},
            "since": f"{since:%Y-%m-%d %H:%M} UTC",
            "failures": int(data["failures"]),
            "reason": _clean(data["reason"]),
        }
        filled = self._environment.get_template(f"{kind.value}.txt").render(values)
        subject, _, text = filled.partition("\n")
        message = EmailMessage(policy=_POLICY)
        message["From"] = self.sender.header()
        message["To"] = to.header()
        message["Subject"] = one_line(subject)
        message["Date"] = datetime.fromisoformat(event["timestamp"])
        # RFC 3834 section 5, and what Exchange looks at: holiday notes stay silent.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(text)
        message["Content-Language"] = "en, ru"
        message_id = self._id(event, kind)
        # By hand: EmailMessage folds a long id by encoding it, which no client takes for an id.
        content = f"Message-ID: {message_id}\r\n".encode("ascii") + message.as_bytes()
        return RenderedMail(return_path, to.address, message_id, content)

    def _id(self, event: Mapping[str, Any], kind: OwnerMailKind) -> str:
        if not _ID.fullmatch(event["id"]):
            raise ValueError("an id in the event is not one of ours")
        domain = self.sender.address.rpartition("@")[2]
        return f"<{event['id']}.{kind.value}@{domain}>"


def _clean(text: str) -> str:
    return one_line(_UNSENDABLE.sub("", text))
