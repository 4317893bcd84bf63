"""Routing rules on the wire: ordered data, with conditions in CEL."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from shared.domain.duration import parse_duration, write_duration
from shared.domain.errors import BadExpression, InvalidInput
from shared.domain.expression import MAX_SOURCE, compile_expression
from shared.domain.ticket import Level, Priority
from shared.domain.ticket_facts import ticket_environment, time_zone
from shared.schemas.base import DURATION, Flag, StrictSchema, Timestamp, distinct, line, page, slug
from shared.schemas.ticket import MAX_REQUIRED_SKILLS, RequiredSkillSchema

#: The longest wait that a rule may order, in seconds: 30 days.
MAX_WAIT_S = 30 * 86_400


class Condition(fields.String):
    """A condition in CEL over `ticket`, `requester` and `time`; refused unless it compiles."""

    default_error_messages = {  # noqa: RUF012 -- marshmallow's way
        "invalid": 'Write a condition in CEL as text, such as: ticket.category == "vpn".'
    }

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        source = super()._deserialize(value, attr, data, **kwargs) or ""
        try:
            compile_expression(source, ticket_environment())
        except BadExpression as error:
            raise ValidationError(error.detail) from error
        return source


class Wait(fields.Field[int]):
    """A length of time, read from `10m` or seconds and written as `10m`; seconds inside."""

    def __init__(self, *, metadata: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(metadata={**DURATION, **(metadata or {})}, **kwargs)

    def _serialize(self, value: int | None, attr: Any, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else write_duration(value)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if not 1 <= seconds <= MAX_WAIT_S:
            message = "Must be at least 1 second and at most 30 days."
            raise ValidationError(message)
        return seconds


class DroppableSkillSchema(RequiredSkillSchema):
    """A skill that a rule requires, for as long as it is worth waiting for."""

    drop_after = Wait(
        metadata={
            "example": "10m",
            "description": "After this wait somebody without the skill will do.",
        }
    )


def _skills(schema: type[RequiredSkillSchema]) -> Any:
    return fields.List(
        fields.Nested(schema),
        validate=[validate.Length(max=MAX_REQUIRED_SKILLS), distinct("skill")],
    )


class RuleActionsSchema(StrictSchema):
    """What a rule sets. A later rule replaces single values; skills and tags are added."""

    team = slug()
    priority = fields.Enum(Priority, by_value=True)
    urgency = fields.Enum(Level, by_value=True)
    required_skills = _skills(DroppableSkillSchema)
    preferred_skills = _skills(RequiredSkillSchema)
    tags = fields.List(slug(), validate=validate.Length(max=50))
    sla_policy = slug()
    profile = slug(metadata={"description": "The strategy profile that chooses the agent."})
    delay = Wait(metadata={"example": "15m", "description": "Route only after this long."})
    stop = Flag(load_default=False, metadata={"description": "Look at no further rule."})


class RuleSchema(StrictSchema):
    """If the condition `when` holds, do `then`."""

    name = line(128, 1, required=True)
    when = Condition(
        load_default="true",
        metadata={
            "example": 'ticket.category == "vpn" && time.hour < 18',
            "description": f"A condition in CEL of at most {MAX_SOURCE} characters.",
        },
    )
    then = fields.Nested(RuleActionsSchema, required=True)


def _known_zone(name: str) -> None:
    try:
        time_zone(name)
    except InvalidInput as error:
        raise ValidationError(error.detail) from error


class PutRulesSchema(StrictSchema):
    """A whole new rule set."""

    time_zone = fields.String(
        load_default="UTC",
        validate=_known_zone,
        metadata={"example": "Europe/Berlin", "description": "What `time` in conditions is in."},
    )
    rules = fields.List(
        fields.Nested(RuleSchema),
        required=True,
        validate=[validate.Length(max=1000), distinct("name")],
    )


class RuleSetSchema(PutRulesSchema):
    """A version of the rule set."""

    version = fields.Integer(required=True)
    created_at = Timestamp(required=True, allow_none=True)


class RuleSetVersionSchema(StrictSchema):
    """That there is a version of the rule set."""

    version = fields.Integer(required=True)
    created_at = Timestamp(required=True)
    count = fields.Integer(required=True, metadata={"description": "How many rules it has."})


RuleSetVersionPageSchema = page(RuleSetVersionSchema)
