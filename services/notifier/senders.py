"""How a leased webhook is sent: what the channel needs, taken from the job."""

from services.notifier.attempt_spans import ended, webhook_attempt
from services.notifier.channels.base import Outcome, TemporaryFailure
from services.notifier.channels.webhook import WebhookChannel, WebhookRequest
from services.notifier.job import Job
from services.notifier.payload import payload
from shared.db.models import Subscription
from shared.db.models.base import table
from shared.db.sealed_types import opened
from shared.domain.clock import Clock
from shared.domain.endpoint_secret import in_force
from shared.domain.errors import SecretUnreadable
from shared.domain.sealing import Keyring
from shared.domain.trace_context import child
from shared.observability.logging import get_logger

#: What the owner of an endpoint is told whose secrets cannot be opened; the log has the key.
UNREADABLE = "the secrets of this subscription cannot be read; its operator has to bring a key back"

log = get_logger()

_SUBSCRIPTIONS = table(Subscription)


class WebhookSender:
    """Sends the event to the subscription's URL, in its style, signed by its secrets."""

    def __init__(
        self, channel: WebhookChannel, clock: Clock, public_url: str, keyring: Keyring
    ) -> None:
        self._channel = channel
        self._keyring = keyring
        self._clock = clock
        self._public_url = public_url

    async def send(self, job: Job) -> Outcome:
        """Post the event."""
        assert job.endpoint is not None  # noqa: S101 -- webhook jobs are leased with their endpoint
        try:
            # Here and not in the claim: one that cannot be opened is the failure of its own
            # deliveries, and of nobody else's.
            endpoint = opened(self._keyring, _SUBSCRIPTIONS, job.endpoint)
        except SecretUnreadable as error:
            log.warning("webhook.unreadable", subscription=job.endpoint["id"], reason=error.detail)
            return TemporaryFailure(UNREADABLE, operator_detail=error.detail, ours=True)
        styled = payload(job.body, endpoint["payload_style"], self._public_url)
        signing = in_force(endpoint["secrets"], self._clock.now())
        with webhook_attempt(job, endpoint["url"]) as attempt:
            traceparent = None
            if endpoint["trace_context"] and job.delivery["traceparent"] is not None:
                traceparent = attempt.traceparent or child(job.delivery["traceparent"])
            request = WebhookRequest(
                url=endpoint["url"],
                message_id=job.delivery["event_id"],
                body=styled.body,
                secrets=tuple(each["secret"] for each in signing),
                headers=endpoint["headers"],
                content_type=styled.content_type,
                traceparent=traceparent,
            )
            outcome = await self._channel.send(request)
            ended(attempt, outcome, "http.response.status_code")
        return outcome

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
