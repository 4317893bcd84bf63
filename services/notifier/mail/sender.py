"""How a leased mail is sent: looked at, rendered, signed, handed over; and what its fate means."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol, TypeVar

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
from services.notifier.mail.desk import MailDesk, entry_of
from services.notifier.mail.domain_rate import DomainRate
from services.notifier.mail.facts import MailFacts
from services.notifier.mail.gate import Known, refusal
from services.notifier.mail.kinds import mails_of
from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.pause import ChannelPause
from services.notifier.mail.recipient import Recipient
from services.notifier.mail.repository import Asked, MailRepository
from services.notifier.mail.together import Together
from shared.db.types import load_json
from shared.domain.clock import Clock
from shared.domain.delivery import HELD_RANK, WRITTEN_MAILS, MailKind
from shared.domain.mail_preferences import Digest

#: How long a held mail waits for the one that sends the digest.
DIGEST_WAIT = timedelta(minutes=5)

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
class MailTools:
    """What mails are made and judged with. `signer` None signs nothing."""

    renderer: MailRenderer
    desk: MailDesk
    repository: MailRepository
    rate: DomainRate
    pause: ChannelPause
    clock: Clock
    signer: Signer | None = None


class MailSender:
    """Sends one mail after the other; says so when the fate of one is unknown."""

    def __init__(
        self,
        tools: MailTools,
        channel: MailChannel,
        threads: Threads,
        record_data_started: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._tools = tools
        self._channel = channel
        self._threads = threads
        self._record_data_started = record_data_started
        self._known = Together(self._look_up)

    async def send(self, job: Job) -> Outcome:
        """Send the mail, unless it must not, need not or cannot be sent now."""
        tools, now = self._tools, self._tools.clock.now()
        paused = tools.pause.until(now)
        if paused is not None:
            return Postponed(paused, "mail rests: the mail server refuses us")
        event = load_json(job.body)
        kind, receiver = MailKind(job.delivery["kind"]), job.delivery["receiver"]
        recipient = _recipient(kind, event, receiver)
        if tools.desk.is_ours(receiver):
            return NotWanted("the address is the desk's own, mail to it would loop")
        known = await self._known.ask(Asked(job, recipient, event))
        facts = await self._facts(kind, job, recipient, event, known)
        if job.delivery["data_started_at"] is not None:
            reason = "an earlier attempt ended inside SMTP DATA; the mail may have been sent"
            return Unknown(reason, resend=_resend(kind, known))
        refused = refusal(kind, job.delivery, known, now) or self._too_fast(job)
        if refused is not None:
            return refused
        if job.delivery["rank"] == HELD_RANK and known.preferences.digest is not Digest.NONE:
            collected = await self._threads.in_thread(lambda: tools.repository.collect(job, now))
            if collected is None:
                return Postponed(now + DIGEST_WAIT, "another mail sends the digest", held=True)
            entries, more = collected
            if len(entries) > 1:
                kind, facts = MailKind.DIGEST, self._digest(job, recipient, facts, entries, more)
        rendered = tools.renderer.render(kind, recipient, event, facts)
        if not isinstance(rendered, RenderedMail):
            return rendered
        return await self._hand_over(job, kind, known, rendered)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def _look_up(self, asked: Sequence[Asked]) -> Sequence[Known]:
        now = self._tools.clock.now()
        return await self._threads.in_thread(lambda: self._tools.repository.known(asked, now))

    async def _facts(
        self,
        kind: MailKind,
        job: Job,
        recipient: Recipient,
        event: Mapping[str, Any],
        known: Known,
    ) -> MailFacts:
        def gather() -> MailFacts:
            return self._tools.desk.facts(kind, job.delivery, recipient, event, known)

        # Files are read from the storage, and the signing keys now and then from the database.
        return await self._threads.in_thread(gather)

    def _too_fast(self, job: Job) -> Postponed | None:
        delivery = job.delivery
        until = self._tools.rate.wait(delivery["id"], delivery["receiver"], self._tools.clock.now())
        return None if until is None else Postponed(until, "the pace of mails to this domain")

    def _digest(
        self,
        job: Job,
        recipient: Recipient,
        facts: MailFacts,
        entries: Sequence[Mapping[str, Any]],
        more: int,
    ) -> MailFacts:
        tools, news = self._tools, []
        for entry in entries:
            event, kind = load_json(entry["body"]), MailKind(entry["kind"])
            text = tools.renderer.filled(kind, recipient, event, facts)
            news.append(entry_of(event, text.subject))
        unsubscribe = tools.desk.unsubscribe(recipient, MailKind.DIGEST, job.delivery["created_at"])
        return replace(facts, entries=news, more=more, unsubscribe_url=unsubscribe, files=())

    async def _hand_over(
        self, job: Job, kind: MailKind, known: Known, rendered: RenderedMail
    ) -> Outcome:
        tools = self._tools
        message = rendered.message
        mail = OutgoingMail(
            delivery_id=job.delivery["id"],
            sender=rendered.sender,
            recipient=rendered.recipient,
            message=tools.signer.signed(message) if tools.signer else message,
            on_data=lambda: self._record_data_started(job),
        )
        outcome = await self._channel.send(mail)
        match outcome:
            case Delivered():
                tools.pause.end()
            case TemporaryFailure(refuses_us=True):
                until = tools.pause.begin(outcome.reason, tools.clock.now())
                return Postponed(until, outcome.reason)
            case PermanentFailure(no_mailbox=True):
                await self._threads.in_thread(
                    lambda: tools.repository.blame(
                        job.delivery["receiver"], outcome.reason, tools.clock.now()
                    )
                )
            case Unknown():
                return replace(outcome, resend=_resend(kind, known))
        return outcome


def _recipient(kind: MailKind, event: Mapping[str, Any], receiver: str) -> Recipient:
    """Return who the mail is for, as the event names them; at least their address is known."""
    for wanted, found in mails_of(event["type"], event["data"], (receiver,)):
        if wanted is kind and found.address == receiver:
            return found
    return Recipient("", receiver, None)


def _resend(kind: MailKind, known: Known) -> bool:
    """What a person wrote is sent once more; nobody misses a second receipt."""
    return kind in WRITTEN_MAILS and not known.unknown_before
