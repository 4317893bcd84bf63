"""How a leased webhook is sent: what the channel needs, taken from the job."""

from services.notifier.channels.base import Outcome
from services.notifier.channels.webhook import WebhookChannel, WebhookRequest
from services.notifier.repository import Job


class WebhookSender:
    """Sends the event's stored bytes to the subscription's URL."""

    def __init__(self, channel: WebhookChannel) -> None:
        self._channel = channel

    async def send(self, job: Job) -> Outcome:
        """Post the event."""
        assert job.endpoint is not None  # noqa: S101 -- webhook jobs are leased with their endpoint
        request = WebhookRequest(
            url=job.endpoint["url"],
            message_id=job.delivery["event_id"],
            body=job.body.encode(),
            secrets=(job.endpoint["secret"],),
            headers={},
        )
        return await self._channel.send(request)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
