"""Where a delivery stands, in the words of the API."""

from enum import StrEnum

from shared.domain.work import WorkState


class DeliveryState(StrEnum):
    """Where it stands.

    pending: on its way. failed: given up. unknown: an e-mail whose fate nobody can tell. bounced:
    an e-mail that a server took and that came back.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"


WORK_STATES: dict[DeliveryState, WorkState] = {
    DeliveryState.PENDING: WorkState.READY,
    DeliveryState.DELIVERED: WorkState.DONE,
    DeliveryState.FAILED: WorkState.DEAD,
    DeliveryState.UNKNOWN: WorkState.UNKNOWN,
    DeliveryState.BOUNCED: WorkState.BOUNCED,
    DeliveryState.CANCELLED: WorkState.CANCELLED,
}
_STATES = {work_state: state for state, work_state in WORK_STATES.items()}


def delivery_state(work_state: WorkState) -> DeliveryState:
    """Return the word for a state of a delivery's row."""
    return _STATES[work_state]
