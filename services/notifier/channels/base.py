"""What became of one attempt to tell somebody something: the outcomes of every channel.

The caller decides what to record and when to try again by the type of the outcome alone. A reason
is written for the owner of the endpoint or mailbox: it never holds an address we resolved.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side took the message.

    `status` is its HTTP or SMTP reply code (None where there is none), `detail` one line about it.
    `gone` says that it was the last one that the endpoint wants.
    """

    status: int | None
    detail: str
    duration_ms: int = 0
    response_body: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class TemporaryFailure:
    """Not delivered now; the same message may get through later.

    `retry_after_s` is the wait in seconds the other side asked for, as it was sent: whoever plans
    the next attempt clamps it. `operator_detail` says what the reason must not, such as an address
    that was refused; `ours` says that the fault is in Patchbay, `refuses_us` that no message gets
    through until the operator mends something, such as a password.
    """

    reason: str
    status: int | None = None
    retry_after_s: int | None = None
    duration_ms: int = 0
    response_body: str | None = None
    operator_detail: str | None = None
    ours: bool = False
    refuses_us: bool = False


@dataclass(frozen=True, slots=True)
class PermanentFailure:
    """This message will never be taken; trying again only annoys.

    `gone` says that the endpoint as a whole asked for no more (HTTP 410, `webhook-delivery`),
    `no_mailbox` that there is no such address (RFC 3463: 5.1.x).
    """

    reason: str
    status: int | None = None
    gone: bool = False
    duration_ms: int = 0
    response_body: str | None = None
    no_mailbox: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell whether it was delivered: the answer to the last byte is lost (RFC 1047)."""

    reason: str
    status: int | None = None
    duration_ms: int = 0
    response_body: str | None = None
    #: Whether it is sent once more all the same, because losing it would be worse than doubling it.
    resend: bool = False


@dataclass(frozen=True, slots=True)
class NotWanted:
    """Nothing was sent, and nothing will be: the receiver must not or will not be told this."""

    reason: str
    status: int | None = None
    duration_ms: int = 0
    response_body: str | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """Nothing was tried yet; it may be at `until`. It counts as no attempt.

    What is `held` waits for a time that the receiver chose, and nothing else waits for it.
    """

    until: datetime
    reason: str
    held: bool = False
    status: int | None = None
    duration_ms: int = 0
    response_body: str | None = None


Outcome = Delivered | TemporaryFailure | PermanentFailure | Unknown | NotWanted | Postponed


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One rendered mail on its way to one mailbox.

    `sender` and `recipient` are the envelope's bare addresses, `message` the bytes with CRLF lines.
    A channel that cannot send the same message twice without harm awaits `on_data` right before
    the step after which a lost answer leaves the fate of the mail undecidable.
    """

    delivery_id: str
    sender: str
    recipient: str
    message: bytes
    on_data: Callable[[], Awaitable[None]]


class MailChannel(Protocol):
    """Where rendered mail goes."""

    async def send(self, mail: OutgoingMail) -> Outcome:
        """Hand over one mail; every fault is an outcome, only cancellation is raised."""
        ...

    async def close(self) -> None:
        """Let go of connections; the channel is not used afterwards."""
        ...
