"""Routing rules on the wire: ordered data, not code."""

from marshmallow import fields, validate

from shared.domain.ticket import Priority
from shared.schemas.base import StrictSchema, Timestamp, line, slug
from shared.schemas.ticket import MAX_REQUIRED_SKILLS, RequiredSkillSchema

#: Fields of a ticket that a rule may look at.
MATCHABLE = (
    "type",
    "category",
    "product",
    "severity",
    "impact",
    "urgency",
    "priority",
    "channel",
    "team",
    "tags",
)


class RuleActionsSchema(StrictSchema):
    """What a rule sets. A team or priority replaces, skills are added."""

    team = slug()
    priority = fields.Enum(Priority, by_value=True)
    required_skills = fields.List(
        fields.Nested(RequiredSkillSchema), validate=validate.Length(max=MAX_REQUIRED_SKILLS)
    )
    stop = fields.Boolean(load_default=False, metadata={"description": "Look at no further rule."})


class RuleSchema(StrictSchema):
    """If every field in `when` has one of its values, do `then`. `tags` match if any is there."""

    name = line(128, 1, required=True)
    when = fields.Dict(
        keys=fields.String(validate=validate.OneOf(MATCHABLE)),
        values=fields.List(line(128), validate=validate.Length(min=1, max=500)),
        load_default=dict,
    )
    then = fields.Nested(RuleActionsSchema, required=True)


class PutRulesSchema(StrictSchema):
    """A whole new rule set."""

    rules = fields.List(
        fields.Nested(RuleSchema), required=True, validate=validate.Length(max=1000)
    )


class RuleSetSchema(PutRulesSchema):
    """The rule set in force."""

    version = fields.Integer(required=True)
    created_at = Timestamp(required=True, allow_none=True)
