"""The event feed on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from shared.domain.event import EventType
from shared.domain.ids import Prefix, is_id
from shared.schemas.base import StrictSchema
from shared.schemas.events import EventSchema


class EventTypes(fields.Field[frozenset[str]]):
    """Event types, separated by commas."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> frozenset[str]:
        known = {event_type.value for event_type in EventType}
        given = frozenset(part.strip() for part in str(value).split(",") if part.strip())
        unknown = ", ".join(repr(name) for name in sorted(given - known)[:5])
        if unknown:
            message = f"There is no event type {unknown[:200]}; openapi.json lists them."
            raise ValidationError(message)
        return given


def _ticket_id(value: str) -> None:
    if not is_id(value, Prefix.TICKET):
        message = "Not the id of a ticket: tkt_ and 32 hexadecimal digits."
        raise ValidationError(message)


class FeedFilterSchema(StrictSchema):
    """Which events, and from where on."""

    after = fields.String(
        load_default="",
        metadata={
            "description": "`next` of the last page, or `latest` for what comes from now on; "
            "left out, from the beginning."
        },
    )
    type = EventTypes(
        metadata={
            "type": "string",
            "description": "Only these event types, separated by commas.",
            "example": "ticket.created,ticket.resolved",
        },
    )
    ticket_id = fields.String(
        load_default=None,
        validate=_ticket_id,
        metadata={"description": "Only of this ticket.", "pattern": "^tkt_[0-9a-f]{32}$"},
    )


def feed_query(default_limit: int, max_limit: int) -> StrictSchema:
    """Return the schema of the query of GET /v1/events."""
    limit = fields.Integer(
        load_default=default_limit, validate=validate.Range(min=1, max=max_limit)
    )
    return FeedFilterSchema.from_dict({"limit": limit}, name="FeedQuerySchema")()  # type: ignore[return-value]


class FeedPageSchema(StrictSchema):
    """A page of the feed."""

    items = fields.List(fields.Nested(EventSchema), required=True)
    next = fields.String(
        required=True,
        metadata={"description": "Pass as `after` to read on, now or whenever; never null."},
    )
    more = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether there is more to read at once. A page of certain types may be "
            "empty and yet have more behind it."
        },
    )
