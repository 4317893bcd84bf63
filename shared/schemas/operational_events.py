"""What is told about webhooks themselves: the data of those events, and their versions.

They come in the envelope of all events; no ticket has them, so their `sequence` is 0.
"""

from marshmallow import fields

from shared.domain.event import OperationalEventType
from shared.schemas.base import StrictSchema, Timestamp
from shared.schemas.events import EventDefinition


class WebhookReferenceSchema(StrictSchema):
    """A webhook, without its URL, whose path is often a token."""

    id = fields.String(required=True)
    host = fields.String(required=True)
    description = fields.String(required=True)


class WebhookTestDataSchema(StrictSchema):
    """The webhook that is tested."""

    webhook = fields.Nested(WebhookReferenceSchema, required=True)


class WebhookStateDataSchema(WebhookTestDataSchema):
    """A webhook, and how long and why it fails or did."""

    failing_since = Timestamp(required=True)
    failures = fields.Integer(required=True)
    reason = fields.String(required=True, allow_none=True)


OPERATIONAL: dict[OperationalEventType, EventDefinition] = {
    OperationalEventType(definition.event_type): definition
    for definition in (
        EventDefinition(
            OperationalEventType.WEBHOOK_TEST, 1, "Somebody tests a webhook.", WebhookTestDataSchema
        ),
        EventDefinition(
            OperationalEventType.WEBHOOK_FAILING,
            1,
            "A webhook has been failing for a while.",
            WebhookStateDataSchema,
        ),
        EventDefinition(
            OperationalEventType.WEBHOOK_RECOVERED,
            1,
            "A webhook that was failing works again.",
            WebhookStateDataSchema,
        ),
        EventDefinition(
            OperationalEventType.WEBHOOK_DISABLED,
            1,
            "A webhook is disabled, because it failed for too long or asked for no more.",
            WebhookStateDataSchema,
        ),
    )
}
