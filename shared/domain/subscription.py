"""What a subscriber chooses: how events look, are signed, keep order and come after an outage."""

from enum import StrEnum


class PayloadStyle(StrEnum):
    """How much of an event is sent, and in which form."""

    FULL = "full"
    THIN = "thin"
    CLOUDEVENTS = "cloudevents"


class Ordering(StrEnum):
    """What waits for what: events of one ticket for those before them, or nothing."""

    TICKET = "ticket"
    NONE = "none"


class AfterOutage(StrEnum):
    """What is sent of what piled up: every event, or the latest of each ticket."""

    ALL = "all"
    LATEST = "latest"


class SigningScheme(StrEnum):
    """Schemes of Standard Webhooks 1.0: HMAC-SHA256 with a shared secret, or ed25519."""

    V1 = "v1"
    V1A = "v1a"
