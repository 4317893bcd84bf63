"""Sends mails to owners of webhooks, and leaves all other mails to the next sender."""

from collections.abc import Mapping
from typing import Any, Protocol

from services.notifier.channels.base import Outcome
from services.notifier.job import Job
from services.notifier.mail.facts import MailFacts
from services.notifier.mail.gate import suppression
from services.notifier.mail.message import RenderedMail
from services.notifier.mail.post import Post, Threads, fate_unknown
from services.notifier.mail.sender import MailTools
from services.notifier.owner_mails.message import OwnerMails
from shared.db.types import load_json
from shared.domain.delivery import OwnerMailKind
from shared.domain.suppression import Blame

_KINDS = frozenset(OwnerMailKind)


class NextSender(Protocol):
    """Sends what this one does not."""

    async def send(self, job: Job) -> Outcome:
        """Return what became of it."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class OwnerMailSender:
    """Renders news about webhooks and hands them over by the rules of all mails."""

    def __init__(
        self, mails: OwnerMails, tools: MailTools, post: Post, threads: Threads, others: NextSender
    ) -> None:
        self._mails = mails
        self._tools = tools
        self._post = post
        self._threads = threads
        self._others = others

    async def send(self, job: Job) -> Outcome:
        """Send the mail; one whose fate is unknown is not sent again, for there will be others."""
        if job.delivery["kind"] not in _KINDS:
            return await self._others.send(job)
        refused: Outcome | None = self._post.refusal(job) or fate_unknown(job, resend=False)
        if refused is not None:
            return refused
        kind, event = OwnerMailKind(job.delivery["kind"]), load_json(job.body)
        blame, facts = await self._threads.in_thread(lambda: self._look_up(job, kind, event))
        refused = suppression(blame, self._tools.clock.now()) or self._post.too_fast(job)
        if refused is not None:
            return refused
        mail = self._mails.render(kind, job.receiver, event, facts)
        if not isinstance(mail, RenderedMail):
            return mail
        return await self._post.hand_over(job, mail, resend=False)

    async def close(self) -> None:
        """Close the next sender, and the way out with it."""
        await self._others.close()

    def _look_up(
        self, job: Job, kind: OwnerMailKind, event: Mapping[str, Any]
    ) -> tuple[Blame | None, MailFacts]:
        repository = self._tools.repository
        return_path = self._tools.desk.return_path(job.delivery["id"])
        blame, locale = repository.owner(job.receiver)
        facts = self._mails.facts(kind, event, return_path, repository.zone, locale)
        return blame, facts
