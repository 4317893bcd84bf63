"""Priorities on the wire: when to use which, what each promises, and how it is derived."""

from typing import Any

from marshmallow import fields

from shared.domain.ticket import (
    PRIORITY_MATRIX,
    PRIORITY_OF_SEVERITY,
    Level,
    Priority,
    Severity,
)
from shared.schemas.base import StrictSchema
from shared.schemas.sla import TargetsSchema

#: What a desk goes by that says nothing.
DEFAULT_PRIORITIES: dict[str, Any] = {
    "matrix": {
        impact.value: {urgency.value: PRIORITY_MATRIX[impact, urgency].value for urgency in Level}
        for impact in Level
    },
    "severity": {key.value: priority.value for key, priority in PRIORITY_OF_SEVERITY.items()},
}


def _priority() -> fields.Enum[Any]:
    return fields.Enum(Priority, by_value=True, required=True)


ByUrgencySchema = StrictSchema.from_dict(
    {urgency.value: _priority() for urgency in Level}, name="ByUrgencySchema"
)
MatrixSchema = StrictSchema.from_dict(
    {impact.value: fields.Nested(ByUrgencySchema, required=True) for impact in Level},
    name="MatrixSchema",
)
BySeveritySchema = StrictSchema.from_dict(
    {severity.value: _priority() for severity in Severity}, name="BySeveritySchema"
)


class PutMatrixSchema(StrictSchema):
    """How priorities are derived: from impact (row) and urgency (column), and from severity.

    Of the two that a ticket gives rise to, the more urgent counts.
    """

    matrix = fields.Nested(MatrixSchema, required=True)
    severity = fields.Nested(
        BySeveritySchema,
        load_default=lambda: {each.value: Priority(each.value) for each in Severity},
        metadata={"description": "Left out, each severity gives the priority of the same name."},
    )


class TextsSchema(StrictSchema):
    """A text in the languages that there are."""

    en = fields.String(required=True)
    ru = fields.String(required=True)


class PriorityLevelSchema(StrictSchema):
    """One priority."""

    key = fields.Enum(Priority, by_value=True, required=True)
    rank = fields.Integer(required=True, metadata={"description": "0 is served first."})
    label = fields.Nested(TextsSchema, required=True)
    when_to_use = fields.Nested(TextsSchema, required=True)
    targets = fields.Nested(
        TargetsSchema,
        required=True,
        metadata={"description": "What the default SLA policy promises, in working time."},
    )


class PrioritiesSchema(StrictSchema):
    """The priorities, the most urgent first, and how they are derived."""

    levels = fields.List(fields.Nested(PriorityLevelSchema), required=True)
    matrix = fields.Nested(MatrixSchema, required=True)
    severity = fields.Nested(BySeveritySchema, required=True)
