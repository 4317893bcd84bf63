"""What a bounce or a complaint says. Pure: the bytes of a message in, facts out.

Bounces are RFC 3464 (`multipart/report`, `message/delivery-status`), complaints RFC 5965 (ARF).
Nothing in them is believed but by the signed ids they bring back: anybody can write a bounce.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses
from typing import NamedTuple

from shared.domain.outcome_name import AttemptOutcome
from shared.domain.suppression import SuppressionReason

#: Where a mail server notes the address that a message came to.
_ADDRESSED = ("to", "delivered-to", "x-original-to", "envelope-to")
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")
_MAX_DETAIL_CHARS = 300
_MAX_PARTS = 50
#: Refusals for good that say nothing about the mailbox: it is full, or the mail is too large, the
#: route is broken, the content or its sender was not liked (RFC 3463, subjects 3, 4, 6 and 7).
_NOT_THE_MAILBOX = re.compile(r"5\.(2\.[23]|[3467]\.\d+)")


@dataclass(frozen=True, slots=True)
class MailReport:
    """A report about one mail of ours.

    `outcome` is what the ledger keeps of it: bounced, complained or delayed, None for a receipt and
    what is no report at all. `fault` is what the address did, None if it is not at fault.
    `addressed_to` and `message_ids` may hold tokens that say which mail it was.
    """

    outcome: AttemptOutcome | None
    fault: SuppressionReason | None
    detail: str
    addressed_to: Sequence[str]
    message_ids: Sequence[str]


class _Said(NamedTuple):
    outcome: AttemptOutcome | None
    fault: SuppressionReason | None
    detail: str


def read_report(content: bytes) -> MailReport:
    """Read a message that came back; whatever it is, this raises nothing."""
    message = message_from_bytes(content, policy=policy.compat32)
    parts = list(_parts(message))
    none = _Said(None, None, "it is no report of a bounce")
    outcome, fault, detail = _complaint(parts) or _bounce(parts) or none
    return MailReport(outcome, fault, _line(detail), _addresses(message), _ids(message, parts))


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number == _MAX_PARTS:
            return
        yield part


def _complaint(parts: Sequence[Message]) -> _Said | None:
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            fields = _fields_of(part)
            kind = fields.get("feedback-type", "").lower()
            if kind in ("abuse", "fraud", "opt-out", "opt-out-list"):
                fault = SuppressionReason.COMPLAINT
                return _Said(AttemptOutcome.COMPLAINED, fault, f"complaint: {kind}")
            return _Said(None, None, f"feedback that is no complaint: {kind}")
    return None


def _bounce(parts: Sequence[Message]) -> _Said | None:
    for part in parts:
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _inside(part):
            action = str(block.get("action", "")).strip().lower()
            status = _STATUS.search(str(block.get("status", "")))
            if not action:
                continue
            code = status.group() if status else "5.0.0"
            detail = f"{action} {code} {block.get('diagnostic-code', '')}"
            if action != "failed":
                delayed = AttemptOutcome.DELAYED if action == "delayed" else None
                return _Said(delayed, None, detail)
            return _Said(AttemptOutcome.BOUNCED, _fault(code), detail)
        return _Said(None, None, "a delivery status without a recipient")
    return None


def _fault(code: str) -> SuppressionReason:
    if code.startswith("5") and not _NOT_THE_MAILBOX.fullmatch(code):
        return SuppressionReason.HARD_BOUNCE
    return SuppressionReason.SOFT_BOUNCES


def _inside(part: Message) -> list[Message]:
    payload = part.get_payload()
    found = payload if isinstance(payload, list) else []
    return [each for each in found if isinstance(each, Message)]


def _fields_of(part: Message) -> dict[str, str]:
    """Return the fields of a part; parsers keep the ones of message/* as a message inside."""
    for inner in _inside(part):
        return {name.lower(): str(value).strip() for name, value in inner.items()}
    text = str(part.get_payload())
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _addresses(message: Message) -> list[str]:
    values = [str(value) for name in _ADDRESSED for value in message.get_all(name, [])]
    return [address for _, address in getaddresses(values) if address]


def _ids(message: Message, parts: Sequence[Message]) -> list[str]:
    """Return the ids of the mail that came back: its headers, or what the report answers."""
    found = []
    for part in parts:
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            inner = message_from_bytes(payload if isinstance(payload, bytes) else b"")
            found.append(str(inner.get("message-id", "")))
        elif part is not message:
            found.append(str(part.get("message-id", "")))
    answered = f"{message.get('in-reply-to', '')} {message.get('references', '')}"
    return [each.strip() for each in (*found, *answered.split()) if each.strip()]


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[
        :_MAX_DETAIL_CHARS
    ]
