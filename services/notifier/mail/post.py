"""The way of every mail to the mail server: rests, pace, signature, and what its fate means.

Whoever wrote the mail: the desk to a requester or an agent, or the notifier to a webhook's owner.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from services.notifier.attempt_spans import ended, mail_attempt
from services.notifier.channels.base import (
    Delivered,
    MailChannel,
    NotWanted,
    Outcome,
    OutgoingMail,
    PermanentFailure,
    Postponed,
    TemporaryFailure,
    Unknown,
)
from services.notifier.job import Job
from services.notifier.mail.domain_rate import DomainRate
from services.notifier.mail.message import RenderedMail
from services.notifier.mail.pause import ChannelPause
from services.notifier.mail.repository import MailRepository
from shared.domain.clock import Clock

T = TypeVar("T")


class Threads(Protocol):
    """Runs database calls without holding up the loop; a `DeliveryEngine` does."""

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Return what the call returns."""
        ...


class Signer(Protocol):
    """Signs mails; see `services.notifier.mail.signature`."""

    def signed(self, message: bytes) -> bytes:
        """Return the message with its signature."""
        ...


@dataclass(frozen=True, slots=True)
class PostRules:
    """What holds for every mail. `is_ours` tells the desk's addresses; `signer` may be None."""

    repository: MailRepository
    rate: DomainRate
    pause: ChannelPause
    clock: Clock
    is_ours: Callable[[str], bool]
    signer: Signer | None = None


class Post:
    """Hands mails to a channel by the rules that hold for all of them."""

    def __init__(
        self,
        rules: PostRules,
        channel: MailChannel,
        threads: Threads,
        record_data_started: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._channel = channel
        self._threads = threads
        self._record_data_started = record_data_started

    def refusal(self, job: Job) -> NotWanted | Postponed | None:
        """Return why nothing is sent to this address now, whatever it says; None when it is."""
        rules = self._rules
        paused = rules.pause.until(rules.clock.now())
        if paused is not None:
            return Postponed(paused, "mail rests: the mail server refuses us")
        if rules.is_ours(job.receiver):
            return NotWanted("the address is the desk's own, mail to it would loop")
        return None

    def too_fast(self, job: Job) -> Postponed | None:
        """Return until when this mail waits for its turn at the receiver's domain, or None."""
        until = self._rules.rate.wait(job.delivery["id"], job.receiver, self._rules.clock.now())
        return None if until is None else Postponed(until, "the pace of mails to this domain")

    async def hand_over(self, job: Job, mail: RenderedMail, *, resend: bool) -> Outcome:
        """Sign the mail and send it; `resend` says what is done if nobody learns its fate."""
        rules, message = self._rules, mail.message
        outgoing = OutgoingMail(
            delivery_id=job.delivery["id"],
            sender=mail.sender,
            recipient=mail.recipient,
            message=rules.signer.signed(message) if rules.signer else message,
            on_data=lambda: self._record_data_started(job),
        )
        with mail_attempt(job) as attempt:
            outcome = await self._channel.send(outgoing)
            ended(attempt, outcome, "patchbay.smtp.status_code")
        match outcome:
            case Delivered():
                rules.pause.end()
            case TemporaryFailure(refuses_us=True):
                until = rules.pause.begin(outcome.reason, rules.clock.now())
                return Postponed(until, outcome.reason)
            case PermanentFailure(no_mailbox=True):
                blame, reason = rules.repository.blame, outcome.reason
                await self._threads.in_thread(
                    lambda: blame(job.receiver, reason, rules.clock.now())
                )
            case Unknown():
                return replace(outcome, resend=resend)
        return outcome

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


def fate_unknown(job: Job, *, resend: bool) -> Unknown | None:
    """Return what becomes of a mail whose sender died inside DATA; None if none did."""
    if job.delivery["data_started_at"] is None:
        return None
    reason = "an earlier attempt ended inside SMTP DATA; the mail may have been sent"
    return Unknown(reason, resend=resend)
