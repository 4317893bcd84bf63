"""How a leased mail is sent: looked at, judged, rendered, and handed over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.notifier.channels.base import Outcome, Postponed
from services.notifier.job import Job
from services.notifier.mail.desk import MailDesk, entry_of
from services.notifier.mail.facts import MailFacts
from services.notifier.mail.gate import DIGEST_WAIT, Known, refusal
from services.notifier.mail.kinds import mails_of
from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.post import Post, Threads, fate_unknown
from services.notifier.mail.recipient import Recipient
from services.notifier.mail.repository import Asked, MailRepository
from services.notifier.mail.templates import BrokenTemplate
from services.notifier.mail.together import Together
from shared.db.types import load_json
from shared.domain.clock import Clock
from shared.domain.delivery import HELD_RANK, WRITTEN_MAILS, MailKind
from shared.domain.mail_preferences import Digest
from shared.observability.logging import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class MailTools:
    """What mails are made and judged with."""

    renderer: MailRenderer
    desk: MailDesk
    repository: MailRepository
    clock: Clock


class MailSender:
    """Sends one mail after the other."""

    def __init__(self, tools: MailTools, post: Post, threads: Threads) -> None:
        self._tools = tools
        self._post = post
        self._threads = threads
        self._known = Together(self._look_up)

    async def send(self, job: Job) -> Outcome:
        """Send the mail, unless it must not, need not or cannot be sent now."""
        tools, now = self._tools, self._tools.clock.now()
        refused: Outcome | None = self._post.refusal(job)
        if refused is not None:
            return refused
        event = load_json(job.body)
        kind = MailKind(job.delivery["kind"])
        recipient = _recipient(kind, event, job.receiver)
        known = await self._known.ask(Asked(job, recipient, event))
        facts = await self._facts(kind, job, recipient, event, known)
        refused = (
            fate_unknown(job, resend=_resend(kind, known))
            or refusal(kind, job.delivery, known, now)
            or self._post.too_fast(job)
        )
        if refused is not None:
            return refused
        together = known.preferences.digest is not Digest.NONE or known.tells
        if job.delivery["rank"] == HELD_RANK and together:
            collected = await self._threads.in_thread(lambda: tools.repository.collect(job, now))
            if collected is None:
                return Postponed(now + DIGEST_WAIT, "another mail sends the digest", held=True)
            entries, more = collected
            if len(entries) > 1:
                kind, facts = MailKind.DIGEST, self._digest(job, recipient, facts, entries, more)
        rendered = tools.renderer.render(kind, recipient, event, facts)
        if not isinstance(rendered, RenderedMail):
            return rendered
        return await self._post.hand_over(job, rendered, resend=_resend(kind, known))

    async def close(self) -> None:
        """Close the way out."""
        await self._post.close()

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
            try:
                subject = tools.renderer.filled(kind, recipient, event, facts).subject
            except BrokenTemplate as fault:
                # The others are told all the same, and this one by what it is about.
                log.warning("mail.template_broken", kind=kind.value, error=str(fault))
                subject = event["data"]["ticket"]["subject"]
            news.append(entry_of(event, subject))
        unsubscribe = tools.desk.unsubscribe(recipient, MailKind.DIGEST, job.delivery["created_at"])
        return replace(facts, entries=news, more=more, unsubscribe_url=unsubscribe, files=())


def _recipient(kind: MailKind, event: Mapping[str, Any], receiver: str) -> Recipient:
    """Return who the mail is for, as the event names them; at least their address is known."""
    for wanted, found in mails_of(event["type"], event["data"], (receiver,)):
        if wanted is kind and found.address == receiver:
            return found
    return Recipient("", receiver, None)


def _resend(kind: MailKind, known: Known) -> bool:
    """What a person wrote is sent once more; nobody misses a second receipt."""
    return kind in WRITTEN_MAILS and not known.unknown_before
