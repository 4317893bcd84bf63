"""Service levels on the wire: policies, metric events, and the clocks of a ticket."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from shared.domain.duration import parse_duration
from shared.domain.sla import DEFAULT_DOCUMENT, DEFAULT_WARN_SHARE, Metric, Move
from shared.domain.ticket import Priority
from shared.schemas.base import (
    DURATION,
    Number,
    StrictSchema,
    Timestamp,
    distinct,
    line,
    page,
    slug,
)

#: The shortest target, and the longest, a year of working hours; in seconds.
MIN_TARGET_S, MAX_TARGET_S = 60, 366 * 86_400

#: Statuses in which a metric may stand still: those in which the desk is not at work.
PAUSING = ("pending_customer", "on_hold")


class Target(fields.String):
    """Working time, as `4h` or a number of seconds; kept as it came."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return value

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if not MIN_TARGET_S <= seconds <= MAX_TARGET_S:
            message = "Must be at least a minute and at most 366 days of working time."
            raise ValidationError(message)
        return value


def _target(**kwargs: Any) -> Target:
    return Target(metadata={**DURATION, "example": "4h"}, **kwargs)


class TargetsSchema(StrictSchema):
    """How much working time each metric may take; null measures without a promise."""

    first_response = _target(allow_none=True, load_default=None)
    next_response = _target(allow_none=True, load_default=None)
    resolution = _target(required=True)


TargetsByPrioritySchema = StrictSchema.from_dict(
    {priority.value: fields.Nested(TargetsSchema, required=True) for priority in Priority},
    name="TargetsByPrioritySchema",
)


def _statuses(default: list[str]) -> fields.List[Any]:
    return fields.List(
        fields.String(validate=validate.OneOf(PAUSING)),
        validate=distinct(),
        load_default=lambda: list(default),
    )


class PausesSchema(StrictSchema):
    """The statuses in which each metric stands still."""

    first_response = _statuses(DEFAULT_DOCUMENT["pauses"]["first_response"])
    next_response = _statuses(DEFAULT_DOCUMENT["pauses"]["next_response"])
    resolution = _statuses(DEFAULT_DOCUMENT["pauses"]["resolution"])


class PutSlaPolicySchema(StrictSchema):
    """A whole policy: what is promised for each priority."""

    title = line(128, load_default="")
    calendar = slug(
        allow_none=True,
        load_default=None,
        metadata={"description": "Whose hours are counted; null: around the clock."},
    )
    warn_share = Number(
        load_default=DEFAULT_WARN_SHARE,
        allow_nan=False,
        validate=validate.Range(min=0.01, max=0.99),
        metadata={"description": "The share of a target after which a warning is given."},
    )
    targets = fields.Nested(TargetsByPrioritySchema, required=True)
    pauses = fields.Nested(PausesSchema, load_default=lambda: dict(DEFAULT_DOCUMENT["pauses"]))


class SlaPolicySchema(PutSlaPolicySchema):
    """A policy as it is. The version also rises when its calendar changes."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class MetricEventSchema(StrictSchema):
    """What happened to a clock, at its own moment; `due_at` is as it is afterwards."""

    metric = fields.Enum(Metric, by_value=True, required=True)
    type = fields.Enum(
        Move,
        by_value=True,
        required=True,
        metadata={"description": "`set`: another target, policy or version of it holds now."},
    )
    at = Timestamp(required=True)
    due_at = Timestamp(required=True, allow_none=True)
    worked_s = fields.Float(metadata={"description": "Working time used, where a clock stops."})
    target_s = fields.Float(
        allow_none=True, metadata={"description": "With `start` and `set`, in seconds."}
    )
    policy = fields.String(metadata={"description": "With `start` and `set`."})
    policy_version = fields.Integer(metadata={"description": "With `start` and `set`."})


class ClockSchema(StrictSchema):
    """A clock as it is now. What is worked and what remains is working time, in seconds."""

    metric = fields.Enum(Metric, by_value=True, required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(["running", "paused", "fulfilled", "cancelled"])
    )
    target_s = fields.Float(required=True, allow_none=True)
    worked_s = fields.Float(required=True)
    remaining_s = fields.Float(
        required=True, allow_none=True, metadata={"description": "Below 0 when it is overdue."}
    )
    started_at = Timestamp(required=True)
    due_at = Timestamp(required=True, allow_none=True)
    projected_at = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "When it is due, or would be if it went on now."},
    )
    warned_at = Timestamp(required=True, allow_none=True)
    breached_at = Timestamp(required=True, allow_none=True)
    fulfilled_at = Timestamp(required=True, allow_none=True)
    cancelled_at = Timestamp(required=True, allow_none=True)


class PolicyInForceSchema(StrictSchema):
    """The policy that clocks were set by last."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)


class RecomputedSchema(StrictSchema):
    """Whether the clocks and what was told of them follow from the ticket's events alone."""

    agrees = fields.Boolean(required=True)
    differences = fields.List(fields.String(), required=True)


class TicketSlaSchema(StrictSchema):
    """The clocks of a ticket, and everything that happened to them."""

    ticket_id = fields.String(required=True)
    policy = fields.Nested(PolicyInForceSchema, required=True, allow_none=True)
    clocks = fields.List(fields.Nested(ClockSchema), required=True)
    events = fields.List(fields.Nested(MetricEventSchema), required=True)
    recomputed = fields.Nested(RecomputedSchema, required=True)


SlaPolicyPageSchema = page(SlaPolicySchema)
