"""The two ways a leased delivery is sent: what each channel needs, taken from the job."""

from collections.abc import Awaitable, Callable

from services.notifier.channels.base import MailChannel, Outcome, OutgoingMail, Unknown
from services.notifier.channels.email_message import MailRenderer, RenderedMail
from services.notifier.channels.webhook import WebhookChannel, WebhookRequest
from services.notifier.job import Job
from services.notifier.payload import payload
from shared.db.types import load_json
from shared.domain.clock import Clock
from shared.domain.delivery import MailKind
from shared.domain.endpoint_secret import in_force


class WebhookSender:
    """Sends the event to the subscription's URL, in its style, signed by its secrets."""

    def __init__(self, channel: WebhookChannel, clock: Clock, public_url: str) -> None:
        self._channel = channel
        self._clock = clock
        self._public_url = public_url

    async def send(self, job: Job) -> Outcome:
        """Post the event."""
        endpoint = job.endpoint
        assert endpoint is not None  # noqa: S101 -- webhook jobs are leased with their endpoint
        styled = payload(job.body, endpoint["payload_style"], self._public_url)
        signing = in_force(endpoint["secrets"], self._clock.now())
        request = WebhookRequest(
            url=endpoint["url"],
            message_id=job.delivery["event_id"],
            body=styled.body,
            secrets=tuple(each["secret"] for each in signing),
            headers=endpoint["headers"],
            content_type=styled.content_type,
        )
        return await self._channel.send(request)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


class MailSender:
    """Renders a mail from the event and sends it; says so when its fate is unknown."""

    def __init__(
        self,
        renderer: MailRenderer,
        channel: MailChannel,
        record_data_started: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._renderer = renderer
        self._channel = channel
        self._record_data_started = record_data_started

    async def send(self, job: Job) -> Outcome:
        """Send the mail, unless an earlier attempt may have sent it already."""
        if job.delivery["data_started_at"] is not None:
            return Unknown("an earlier attempt ended inside SMTP DATA; the mail may have been sent")
        rendered = self._renderer.render(MailKind(job.delivery["kind"]), load_json(job.body))
        if not isinstance(rendered, RenderedMail):
            return rendered
        mail = OutgoingMail(
            delivery_id=job.delivery["id"],
            sender=rendered.sender,
            recipient=rendered.recipient,
            message=rendered.message,
            on_data=lambda: self._record_data_started(job),
        )
        return await self._channel.send(mail)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
