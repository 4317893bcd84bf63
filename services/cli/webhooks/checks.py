"""What a receiver of webhooks has to do, as messages and the answers they must get. Pure.

By the specification of Standard Webhooks 1.0: verify the signature over the bytes that came, refuse
old and future timestamps, take any entry of the list that verifies, and bear messages that come
twice or out of order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from services.notifier.payload import CLOUDEVENTS, JSON, cloudevent, thin
from shared.db.types import dump_json
from shared.domain.subscription import PayloadStyle
from shared.domain.webhook_signature import (
    PRIVATE_PREFIX,
    SECRET_PREFIX,
    new_key_pair,
    new_secret,
    public_key,
    sign,
    signature_headers,
)

#: What stands for the desk in `source` of a CloudEvent.
PUBLIC_URL = "https://desk.example.com"

#: Further from now than any receiver tolerates (five minutes in the libraries), in seconds.
FAR_S = 3600


@dataclass(frozen=True, slots=True)
class Message:
    """One POST."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a POST: a status, or a fault in its place."""

    status: int | None
    duration_ms: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Messages that belong together, and whether each is to be taken or refused."""

    name: str
    messages: Sequence[Message]
    taken: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check showed; `detail` says what to mend."""

    name: str
    passed: bool
    detail: str
    statuses: Sequence[int | None]
    slowest_ms: int


def checks(
    secret: str,
    event: Mapping[str, Any],
    now: int,
    fresh_id: Callable[[], str],
    style: PayloadStyle = PayloadStyle.FULL,
) -> list[Check]:
    """Return all checks, made of an event of the catalogue; `now` is in Unix seconds.

    A private key has one check more: its public one is known to all, and must be no shared secret.
    """
    make = _Maker(secret, event, now, fresh_id, style)
    twice = make.message()
    confused = "refuses v1 signed with the public key"
    pair_only = [Check(confused, [make.confused()], taken=False)] if make.paired else []
    return [
        Check("takes an event that is signed", [make.message()], taken=True),
        Check("takes the same event again", [twice, twice], taken=True),
        Check(
            "takes events of a ticket out of order",
            [make.message(sequence=3), make.message(sequence=2)],
            taken=True,
        ),
        Check("takes a type it does not know", [make.message(type="ticket.new_type")], taken=True),
        Check("takes members it does not know", [make.message(newmember="a")], taken=True),
        Check("takes one right signature among several", [make.rotating()], taken=True),
        Check("refuses another's signature", [make.forged()], taken=False),
        Check("refuses a body that was changed", [make.changed()], taken=False),
        Check("refuses another id", [make.renamed()], taken=False),
        Check("refuses an old timestamp", [make.message(at=now - FAR_S)], taken=False),
        Check("refuses a future timestamp", [make.message(at=now + FAR_S)], taken=False),
        Check("refuses a message without a signature", [make.unsigned()], taken=False),
        Check("refuses a signature that is none", [make.garbled()], taken=False),
        *pair_only,
    ]


def verdict(check: Check, answers: Sequence[Answer]) -> Verdict:
    """Judge the answers to the messages of a check."""
    faults = [reason for answer in answers if (reason := _wrong(check, answer))]
    statuses = [answer.status for answer in answers]
    slowest = max(answer.duration_ms for answer in answers)
    return Verdict(check.name, not faults, faults[0] if faults else "", statuses, slowest)


def _wrong(check: Check, answer: Answer) -> str:
    """Return what is wrong with an answer, or nothing."""
    if answer.status is None:
        return answer.fault
    taken = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
    if check.taken and not taken:
        return f"answered {answer.status}; what is not 2xx is sent again, again and again"
    if check.taken or HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return "answered 410, which disables the subscription" if answer.status == _GONE else ""
    if taken:
        return f"answered {answer.status}: whoever knows the URL can tell it anything"
    return f"answered {answer.status}; refuse with 4xx, such as 401"


_GONE = HTTPStatus.GONE


class _Maker:
    """Makes messages of an event."""

    def __init__(
        self,
        secret: str,
        event: Mapping[str, Any],
        now: int,
        fresh_id: Callable[[], str],
        style: PayloadStyle,
    ) -> None:
        self._secret = secret
        self._event = event
        self._now = now
        self._fresh_id = fresh_id
        self._style = style
        self.paired = secret.startswith(PRIVATE_PREFIX)

    def message(self, at: int | None = None, **changed: Any) -> Message:
        """Return a message that is signed as it should be."""
        event = {**self._event, "id": self._fresh_id(), **changed}
        styled = self._styled(event)
        # What a style leaves out was added to the event, and not to what is sent.
        body = dump_json({**changed, **styled}).encode()
        moment = self._now if at is None else at
        return Message(self._headers(self._secret, event["id"], moment, body), body)

    def rotating(self) -> Message:
        """Return a message that was signed by another secret too."""
        right = self.message()
        message_id = right.headers["webhook-id"]
        other = sign(self._other(), message_id, self._now, right.body)
        entries = f"{other} v9,unknown {right.headers['webhook-signature']}"
        return Message({**right.headers, "webhook-signature": entries}, right.body)

    def forged(self) -> Message:
        """Return a message that was signed by another secret alone."""
        return self._signed_by(self._other())

    def confused(self) -> Message:
        """Return a message signed with the public key, as if that were a shared secret."""
        shared = public_key(self._secret).partition("_")[2]
        return self._signed_by(SECRET_PREFIX + shared)

    def changed(self) -> Message:
        """Return a message whose body is not the one that was signed."""
        right = self.message()
        return Message(right.headers, right.body + b" ")

    def renamed(self) -> Message:
        """Return a message whose id is not the one that was signed."""
        right = self.message()
        return Message({**right.headers, "webhook-id": self._fresh_id()}, right.body)

    def unsigned(self) -> Message:
        """Return a message without the headers of a webhook."""
        return Message({"Content-Type": self._content_type}, self.message().body)

    def garbled(self) -> Message:
        """Return a message whose signature cannot be read."""
        right = self.message()
        return Message({**right.headers, "webhook-signature": "v1 ,,%%"}, right.body)

    @property
    def _content_type(self) -> str:
        return CLOUDEVENTS if self._style is PayloadStyle.CLOUDEVENTS else JSON

    def _styled(self, event: dict[str, Any]) -> dict[str, Any]:
        match self._style:
            case PayloadStyle.THIN:
                return thin(event)
            case PayloadStyle.CLOUDEVENTS:
                return cloudevent(event, PUBLIC_URL)
            case PayloadStyle.FULL:
                return event

    def _headers(self, secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
        signed = signature_headers([secret], message_id, at, body)
        return {**signed, "Content-Type": self._content_type}

    def _other(self) -> str:
        """Return another secret of the same scheme."""
        return new_key_pair()[0] if self.paired else new_secret()

    def _signed_by(self, secret: str) -> Message:
        right = self.message()
        headers = self._headers(secret, right.headers["webhook-id"], self._now, right.body)
        return Message(headers, right.body)
