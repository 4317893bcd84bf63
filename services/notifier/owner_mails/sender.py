"""Sends mails to owners of webhooks, and leaves all other mails to the next sender."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from services.notifier.channels.base import (
    MailChannel,
    Outcome,
    OutgoingMail,
    PermanentFailure,
    Unknown,
)
from services.notifier.channels.mail_address import InvalidMailbox
from services.notifier.job import Job
from services.notifier.owner_mails.message import OwnerMails
from shared.db.types import load_json
from shared.domain.delivery import OwnerMailKind

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
    """Renders news about webhooks and hands them to the mail channel."""

    def __init__(
        self,
        mails: OwnerMails,
        channel: MailChannel,
        record_data_started: Callable[[Job], Awaitable[None]],
        others: NextSender,
    ) -> None:
        self._mails = mails
        self._channel = channel
        self._record_data_started = record_data_started
        self._others = others

    async def send(self, job: Job) -> Outcome:
        """Send the mail; one whose fate is unknown is not sent again, for there will be others."""
        if job.delivery["kind"] not in _KINDS:
            return await self._others.send(job)
        if job.delivery["data_started_at"] is not None:
            return Unknown("an earlier attempt ended inside SMTP DATA; the mail may have been sent")
        kind, event = OwnerMailKind(job.delivery["kind"]), load_json(job.body)
        try:
            message = self._mails.render(kind, job.receiver, event)
        except InvalidMailbox as fault:
            return PermanentFailure(str(fault))
        mail = OutgoingMail(
            delivery_id=job.delivery["id"],
            sender=self._mails.sender.address,
            recipient=job.receiver,
            message=message,
            on_data=lambda: self._record_data_started(job),
        )
        return await self._channel.send(mail)

    async def close(self) -> None:
        """Close the next sender, and the channel with it."""
        await self._others.close()
