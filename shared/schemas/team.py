"""Teams and skills on the wire."""

from marshmallow import fields, validate

from shared.schemas.base import StrictSchema, Timestamp, line, page, slug

#: Scorers that a team may weigh, with the weights of a team that says nothing.
DEFAULT_WEIGHTS: dict[str, float] = {"least_loaded": 1.0, "skill_fit": 0.5, "longest_idle": 0.25}


class WeightsSchema(StrictSchema):
    """How much each scorer counts within the team; 0 turns one off."""

    least_loaded = fields.Float(validate=validate.Range(min=0, max=1000))
    longest_idle = fields.Float(validate=validate.Range(min=0, max=1000))
    skill_fit = fields.Float(validate=validate.Range(min=0, max=1000))


def _calendar(**kwargs: object) -> fields.String:
    return slug(
        allow_none=True,
        metadata={"description": "The team's business hours; null: always."},
        **kwargs,
    )


class CreateTeamSchema(StrictSchema):
    """A new team."""

    name = slug(required=True, metadata={"example": "network"})
    title = line(128, load_default="")
    weights = fields.Nested(WeightsSchema, load_default=dict)
    return_untouched = fields.Boolean(
        load_default=True,
        metadata={
            "description": "When an agent goes offline, tickets they have not begun go back to "
            "the team (true) or stay with them (false)."
        },
    )
    calendar = _calendar(load_default=None)


class UpdateTeamSchema(StrictSchema):
    """Changes to a team; what is left out stays."""

    title = line(128)
    weights = fields.Nested(WeightsSchema)
    return_untouched = fields.Boolean()
    calendar = _calendar()


class TeamSchema(StrictSchema):
    """A team as it is."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    weights = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    return_untouched = fields.Boolean(required=True)
    calendar = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class CreateSkillSchema(StrictSchema):
    """A new skill."""

    name = slug(required=True, metadata={"example": "vpn"})
    description = line(1000, load_default="")


class SkillSchema(StrictSchema):
    """A skill as it is."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


TeamPageSchema = page(TeamSchema)
SkillPageSchema = page(SkillSchema)
