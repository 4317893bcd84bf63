"""Webhook subscriptions on the wire."""

from marshmallow import fields, validate

from shared.domain.event import EventType
from shared.schemas.base import Flag, StrictSchema, Timestamp, line, page

_URL = {"pattern": r"^https?://\S+$"}


def _event_types(**kwargs: object) -> fields.List[EventType]:
    return fields.List(
        fields.Enum(EventType, by_value=True),
        validate=validate.Length(max=100),
        metadata={"description": "Empty means every event."},
        **kwargs,  # type: ignore[arg-type]
    )


class CreateSubscriptionSchema(StrictSchema):
    """A new subscription."""

    url = line(
        2048, 1, required=True, metadata={**_URL, "example": "https://example.com/hooks/patchbay"}
    )
    event_types = _event_types(load_default=list)
    description = line(1000, load_default="")
    enabled = Flag(load_default=True)


class UpdateSubscriptionSchema(StrictSchema):
    """Changes to a subscription; what is left out stays."""

    url = line(2048, 1, metadata=_URL)
    event_types = _event_types()
    description = line(1000)
    enabled = Flag()


class SubscriptionSchema(StrictSchema):
    """A subscription as it is, without its secret."""

    id = fields.String(required=True)
    url = fields.String(required=True)
    event_types = fields.List(fields.Enum(EventType, by_value=True), required=True)
    description = fields.String(required=True)
    enabled = Flag(required=True)
    disabled_reason = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class NewSubscriptionSchema(SubscriptionSchema):
    """A subscription with its signing secret, shown this once."""

    secret = fields.String(
        required=True, metadata={"description": "Standard Webhooks secret, `whsec_…`."}
    )


SubscriptionPageSchema = page(SubscriptionSchema)
