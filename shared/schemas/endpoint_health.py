"""How an endpoint has been lately, on the wire."""

from marshmallow import fields

from shared.domain.endpoint_health import EndpointState
from shared.schemas.base import StrictSchema, Timestamp, Whole


class EndpointHealthSchema(StrictSchema):
    """What the deliveries of a subscription say about its endpoint."""

    state = fields.Enum(
        EndpointState,
        by_value=True,
        required=True,
        metadata={
            "description": "`healthy`; `failing`: retried by the schedule; `paused`: it asked for "
            "time; `open`: it rests after failures, and what is due waits; `half_open`: one "
            "delivery is sent to see whether it is back."
        },
    )
    blocked_until = Timestamp(
        required=True, allow_none=True, metadata={"description": "Nothing is sent before."}
    )
    failing_since = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "The first failure since anything got through."},
    )
    failures = Whole(required=True, metadata={"description": "Failures since then."})
    last_failure_at = Timestamp(required=True, allow_none=True)
    last_error = fields.String(required=True, allow_none=True)
    last_success_at = Timestamp(
        required=True, allow_none=True, metadata={"description": "To within a minute."}
    )
