"""What a receiver of webhooks has to do, as messages and the answers they must get. Pure.

By the specification of Standard Webhooks 1.0: verify the signature over the bytes that came, refuse
old and future timestamps, take any entry of the list that verifies, and bear messages that come
twice or out of order.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from shared.domain.webhook_signature import new_secret, sign, signature_headers

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
    secret: str, event: Mapping[str, Any], now: int, fresh_id: Callable[[], str]
) -> list[Check]:
    """Return all checks, made of an event of the catalogue; `now` is in Unix seconds."""
    make = _Maker(secret, event, now, fresh_id)
    twice = make.message()
    return [
        Check("takes an event that is signed", [make.message()], taken=True),
        Check("takes the same event again", [twice, twice], taken=True),
        Check(
            "takes events of a ticket out of order",
            [make.message(sequence=3), make.message(sequence=2)],
            taken=True,
        ),
        Check("takes a type it does not know", [make.message(type="ticket.new_type")], taken=True),
        Check("takes members it does not know", [make.message(new_member={"a": 1})], taken=True),
        Check("takes one right signature among several", [make.rotating()], taken=True),
        Check("refuses another's signature", [make.forged()], taken=False),
        Check("refuses a body that was changed", [make.changed()], taken=False),
        Check("refuses another id", [make.renamed()], taken=False),
        Check("refuses an old timestamp", [make.message(at=now - FAR_S)], taken=False),
        Check("refuses a future timestamp", [make.message(at=now + FAR_S)], taken=False),
        Check("refuses a message without a signature", [make.unsigned()], taken=False),
        Check("refuses a signature that is none", [make.garbled()], taken=False),
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
        self, secret: str, event: Mapping[str, Any], now: int, fresh_id: Callable[[], str]
    ) -> None:
        self._secret = secret
        self._event = event
        self._now = now
        self._fresh_id = fresh_id

    def message(self, at: int | None = None, **changed: Any) -> Message:
        """Return a message that is signed as it should be."""
        event = {**self._event, "id": self._fresh_id(), **changed}
        body = json.dumps(event).encode()
        moment = self._now if at is None else at
        return Message(signature_headers([self._secret], event["id"], moment, body), body)

    def rotating(self) -> Message:
        """Return a message that was signed by another secret too."""
        right = self.message()
        message_id = right.headers["webhook-id"]
        other = sign(new_secret(), message_id, self._now, right.body)
        entries = f"{other} v9,unknown {right.headers['webhook-signature']}"
        return Message({**right.headers, "webhook-signature": entries}, right.body)

    def forged(self) -> Message:
        """Return a message that was signed by another secret alone."""
        right = self.message()
        headers = signature_headers(
            [new_secret()], right.headers["webhook-id"], self._now, right.body
        )
        return Message(headers, right.body)

    def changed(self) -> Message:
        """Return a message whose body is not the one that was signed."""
        right = self.message()
        return Message(right.headers, right.body.replace(b'"version": 1', b'"version": 2') + b" ")

    def renamed(self) -> Message:
        """Return a message whose id is not the one that was signed."""
        right = self.message()
        return Message({**right.headers, "webhook-id": self._fresh_id()}, right.body)

    def unsigned(self) -> Message:
        """Return a message without the headers of a webhook."""
        return Message({}, self.message().body)

    def garbled(self) -> Message:
        """Return a message whose signature cannot be read."""
        right = self.message()
        return Message({**right.headers, "webhook-signature": "v1 ,,%%"}, right.body)
