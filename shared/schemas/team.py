"""Teams and skills on the wire."""

from typing import Any

from marshmallow import fields, validate

from shared.schemas.base import Flag, StrictSchema, Timestamp, Whole, distinct, line, page, slug

MAX_GRACE_S = 7 * 86_400


class OverflowSchema(StrictSchema):
    """A team that helps out after a wait, or when the own team is not at work."""

    team = slug(required=True, metadata={"example": "second-line"})
    after_s = Whole(required=True, validate=validate.Range(min=0, max=30 * 86_400))
    when_off_shift = Flag(load_default=False)


def _grace(description: str, **kwargs: Any) -> fields.Integer:
    return Whole(
        allow_none=True,
        validate=validate.Range(min=0, max=MAX_GRACE_S),
        metadata={"description": description},
        **kwargs,
    )


def _calendar(**kwargs: Any) -> fields.String:
    return slug(
        allow_none=True,
        metadata={
            "description": "The team's business hours, outside of which teams help out that do so "
            "`when_off_shift`; null: always."
        },
        **kwargs,
    )


def _sla_policy(**kwargs: Any) -> fields.String:
    return slug(
        allow_none=True,
        metadata={"description": "What its tickets are promised; null: the default policy."},
        **kwargs,
    )


class UpdateTeamSchema(StrictSchema):
    """Changes to a team; what is left out stays."""

    title = line(128)
    profile = slug(metadata={"description": "How its tickets are matched."})
    shadow_profile = slug(
        allow_none=True,
        metadata={"description": "Decides beside the live profile, without effect."},
    )
    trial_profile = slug(
        allow_none=True,
        metadata={"description": "Decides for `trial_percent` of the tickets."},
    )
    trial_percent = Whole(validate=validate.Range(min=0, max=100))
    overflow = fields.List(
        fields.Nested(OverflowSchema), validate=[validate.Length(max=20), distinct("team")]
    )
    offline_grace_s = _grace(
        "After so many seconds offline, tickets an agent has not begun go back; null: never."
    )
    away_grace_s = _grace("The same for agents who are away.")
    calendar = _calendar()
    sla_policy = _sla_policy()


class CreateTeamSchema(UpdateTeamSchema):
    """A new team."""

    name = slug(required=True, metadata={"example": "network"})
    title = line(128, load_default="")
    profile = slug(load_default="default")
    shadow_profile = slug(allow_none=True, load_default=None)
    trial_profile = slug(allow_none=True, load_default=None)
    trial_percent = Whole(validate=validate.Range(min=0, max=100), load_default=0)
    overflow = fields.List(
        fields.Nested(OverflowSchema),
        validate=[validate.Length(max=20), distinct("team")],
        load_default=list,
    )
    offline_grace_s = _grace(
        "After so many seconds offline, tickets an agent has not begun go back; null: never.",
        load_default=0,
    )
    away_grace_s = _grace("The same for agents who are away.", load_default=None)
    calendar = _calendar(load_default=None)
    sla_policy = _sla_policy(load_default=None)


class TeamSchema(StrictSchema):
    """A team as it is."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    profile = fields.String(required=True)
    shadow_profile = fields.String(required=True, allow_none=True)
    trial_profile = fields.String(required=True, allow_none=True)
    trial_percent = fields.Integer(required=True)
    overflow = fields.List(fields.Nested(OverflowSchema), required=True)
    offline_grace_s = fields.Integer(required=True, allow_none=True)
    away_grace_s = fields.Integer(required=True, allow_none=True)
    calendar = fields.String(required=True, allow_none=True)
    sla_policy = fields.String(required=True, allow_none=True)
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
