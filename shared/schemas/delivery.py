"""Deliveries on the wire: who was told what, when, with which result."""

from marshmallow import fields, validate

from shared.domain.delivery import DeliveryChannel, MailKind, OwnerMailKind
from shared.domain.delivery_state import DeliveryState
from shared.domain.event import EventType, OperationalEventType
from shared.domain.outcome_name import AttemptOutcome
from shared.schemas.base import Flag, StrictSchema, Timestamp, Whole, line, page

#: Replays in a second, unless told otherwise and at the most; and how many one request may ask for.
DEFAULT_RATE_PER_S, MAX_RATE_PER_S, MAX_REPLAYS = 20, 1000, 20_000

_ANY_MAIL = [*(each.value for each in MailKind), *(each.value for each in OwnerMailKind)]
_ANY_TYPE = [*(each.value for each in EventType), *(each.value for each in OperationalEventType)]


class QueuedDeliverySchema(StrictSchema):
    """A delivery that was put on its way; `GET /v1/deliveries/{id}` tells how it went."""

    id = fields.String(required=True)
    event_id = fields.String(required=True, metadata={"description": "Also the `webhook-id`."})
    state = fields.Enum(DeliveryState, by_value=True, required=True)


class TestWebhookSchema(StrictSchema):
    """What is sent as a test."""

    __test__ = False  # Not one of pytest's.

    event_type = fields.String(
        load_default=OperationalEventType.WEBHOOK_TEST.value,
        validate=validate.OneOf(_ANY_TYPE),
        metadata={"description": "Sends the example of this type; its `sequence` is 0."},
    )


class DeliverySchema(StrictSchema):
    """One event on its way to one receiver."""

    id = fields.String(required=True)
    event_id = fields.String(required=True, metadata={"description": "Also the `webhook-id`."})
    event_type = fields.String(required=True, allow_none=True)
    ticket_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Null for what no ticket has."}
    )
    sequence = fields.Integer(required=True)
    channel = fields.Enum(DeliveryChannel, by_value=True, required=True)
    receiver = fields.String(
        required=True, metadata={"description": "The id of a subscription, or an e-mail address."}
    )
    kind = fields.String(
        required=True, metadata={"description": "`event` or `test`, or which mail it is."}
    )
    state = fields.Enum(DeliveryState, by_value=True, required=True)
    attempts = fields.Integer(
        required=True,
        metadata={"description": "How often it was tried, since it was last sent again."},
    )
    next_attempt_at = Timestamp(
        required=True, allow_none=True, metadata={"description": "Null for what is not pending."}
    )
    last_error = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)


class AttemptSchema(StrictSchema):
    """One try."""

    number = fields.Integer(
        required=True, metadata={"description": "Begins anew when the delivery is sent again."}
    )
    finished_at = Timestamp(required=True)
    duration_ms = fields.Integer(required=True)
    outcome = fields.String(
        required=True,
        metadata={
            "enum": [each.value for each in AttemptOutcome],
            "description": "`not_wanted`: nothing was sent. `bounced`, `complained` and "
            "`delayed` are what a report told of a mail later.",
        },
    )
    status = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of HTTP or SMTP, if any came."}
    )
    detail = fields.String(required=True)
    response_body = fields.String(
        required=True, metadata={"description": "The beginning of the answer."}
    )
    operator_detail = fields.String(
        allow_none=True,
        metadata={"description": "More, for keys with the scope `deliveries:diagnose` alone."},
    )


class DeliveryDetailSchema(DeliverySchema):
    """A delivery with its attempts, the oldest first; of very many the latest."""

    tries = fields.List(fields.Nested(AttemptSchema), required=True)


DeliveryPageSchema = page(DeliverySchema)


class DeliveryFilterSchema(StrictSchema):
    """Which deliveries of a subscription."""

    state = fields.Enum(DeliveryState, by_value=True)
    event_type = fields.String(validate=validate.OneOf(_ANY_TYPE))
    ticket_id = line(64)
    created_after = Timestamp(metadata={"description": "At this moment or later."})
    created_before = Timestamp(metadata={"description": "Before this moment."})


class AnyDeliveryFilterSchema(DeliveryFilterSchema):
    """Which deliveries of any channel."""

    channel = fields.Enum(DeliveryChannel, by_value=True)
    receiver = line(
        320,
        metadata={"description": "A subscription's id, or an address as it was written to."},
    )
    kind = line(64, metadata={"description": "`event` or `test`, or which mail it is."})


class _ReplaySchema(StrictSchema):
    states = fields.List(
        fields.Enum(
            DeliveryState,
            by_value=True,
            validate=validate.NoneOf(
                [DeliveryState.PENDING], error="What is pending is on its way already."
            ),
        ),
        validate=validate.Length(min=1, max=len(DeliveryState)),
    )
    event_types = fields.List(
        fields.String(validate=validate.OneOf(_ANY_TYPE)), validate=validate.Length(min=1, max=100)
    )
    ticket_id = line(64)
    created_after = Timestamp()
    created_before = Timestamp()
    rate_per_s = Whole(
        load_default=DEFAULT_RATE_PER_S, validate=validate.Range(min=1, max=MAX_RATE_PER_S)
    )
    dry_run = Flag(
        load_default=False,
        metadata={
            "description": "Only count, however many they are; nothing is sent. "
            f"At most {MAX_REPLAYS} are sent by one request."
        },
    )


class ReplaySchema(_ReplaySchema):
    """Which deliveries of a subscription to send again, and how fast.

    All conditions must hold. Without `states` it is what has failed, was cancelled, or whose fate
    is unknown.
    """

    missed = Flag(
        load_default=False,
        metadata={
            "description": "Also what was never meant for the subscription, because it was "
            "disabled or was not there yet, and that it wants now; needs `created_after`."
        },
    )


class MailReplaySchema(_ReplaySchema):
    """Which mails to send again, and how fast.

    All conditions must hold. Without `states` it is what has failed.
    """

    receiver = line(320, metadata={"description": "The address, as it was written to."})
    kinds = fields.List(
        fields.String(validate=validate.OneOf(_ANY_MAIL)),
        validate=validate.Length(min=1, max=len(_ANY_MAIL)),
        metadata={"description": "Which mails."},
    )


class ReplayAnswerSchema(StrictSchema):
    """How many are sent again, and when the last of them is due."""

    count = fields.Integer(required=True)
    due_until = Timestamp(
        required=True, allow_none=True, metadata={"description": "Null if there are none."}
    )
    dry_run = fields.Boolean(required=True)
