"""A subscriber as in the product's own proof, whose signatures somebody else verifies."""

from standardwebhooks import Webhook, WebhookVerificationError

from services.chaos.receiver import Arrival, Receiver
from shared.domain.event import EventType

__all__ = ["Arrival", "Subscriber"]


class Subscriber(Receiver):
    """Verifies by the library of Standard Webhooks, not by our own code."""

    _verifier: Webhook

    def expect(self, subscription: str, secret: str) -> None:
        super().expect(subscription, secret)
        self._verifier = Webhook(secret)

    def verify(self, body: bytes, headers: dict[str, str]) -> str:
        try:
            self._verifier.verify(body, headers)
        except WebhookVerificationError as error:
            return str(error)
        return ""

    def first(self, event_type: EventType) -> dict[str, float]:
        """Return when each ticket's first event of a type arrived."""
        found: dict[str, float] = {}
        for arrival in list(self.arrivals):
            if arrival.type is event_type:
                found.setdefault(arrival.ticket, arrival.at)
        return found
