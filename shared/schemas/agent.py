"""Agents on the wire."""

from typing import Any

from marshmallow import fields, validate

from shared.domain.agent import Presence
from shared.schemas.base import StrictSchema, Timestamp, Whole, distinct, line, page, slug
from shared.schemas.working_hours import ShiftsSchema


class AgentSkillSchema(StrictSchema):
    """A skill of an agent, 1 (beginner) to 5 (expert)."""

    skill = slug(required=True, metadata={"example": "vpn"})
    level = Whole(required=True, validate=validate.Range(min=1, max=5), metadata={"example": 4})


def _capacity(**kwargs: Any) -> Whole:
    return Whole(
        validate=validate.Range(min=0, max=10_000),
        metadata={"description": "How much open work the agent may have at once."},
        **kwargs,
    )


def _languages(**kwargs: Any) -> fields.List[Any]:
    language = fields.String(
        validate=validate.Regexp(r"^[a-z]{2,3}\Z", error="Use a code such as `en` (ISO 639).")
    )
    return fields.List(
        language,
        validate=[validate.Length(max=50), distinct()],
        metadata={"description": "Languages the agent serves in; an empty list means any."},
        **kwargs,
    )


def _conflicts(**kwargs: Any) -> fields.List[Any]:
    return fields.List(
        slug(),
        validate=[validate.Length(max=100), distinct()],
        metadata={"description": "Tags of tickets that the agent must not get."},
        **kwargs,
    )


def _calendar(**kwargs: object) -> fields.String:
    return slug(
        allow_none=True,
        metadata={"description": "Its hours and holidays; null: none.", "example": "berlin"},
        **kwargs,
    )


class CreateAgentSchema(StrictSchema):
    """A new agent."""

    name = line(255, 1, required=True, metadata={"example": "Ann Lee"})
    email = fields.Email(
        required=True, validate=validate.Length(max=254), metadata={"example": "ann@example.com"}
    )
    locale = line(35, 2, load_default="en")
    capacity = _capacity(load_default=10)
    skills = fields.List(
        fields.Nested(AgentSkillSchema),
        validate=[validate.Length(max=200), distinct("skill")],
        load_default=list,
    )
    teams = fields.List(slug(), validate=[validate.Length(max=200), distinct()], load_default=list)
    presence = fields.Enum(Presence, by_value=True, load_default=Presence.OFFLINE)
    languages = _languages(load_default=list)
    conflicts = _conflicts(load_default=list)
    calendar = _calendar(load_default=None)
    shifts = fields.Nested(ShiftsSchema, allow_none=True, load_default=None)


class UpdateAgentSchema(StrictSchema):
    """Changes to an agent; lists are replaced whole, what is left out stays."""

    name = line(255, 1)
    email = fields.Email(validate=validate.Length(max=254))
    locale = line(35, 2)
    capacity = _capacity()
    skills = fields.List(
        fields.Nested(AgentSkillSchema), validate=[validate.Length(max=200), distinct("skill")]
    )
    teams = fields.List(slug(), validate=[validate.Length(max=200), distinct()])
    languages = _languages()
    conflicts = _conflicts()
    calendar = _calendar()
    shifts = fields.Nested(ShiftsSchema, allow_none=True)


class PresenceSchema(StrictSchema):
    """An agent's presence."""

    presence = fields.Enum(Presence, by_value=True, required=True)


class AgentSchema(StrictSchema):
    """An agent as it is. `load` is the sum of the weights of the open assignments."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    locale = fields.String(required=True)
    presence = fields.Enum(Presence, by_value=True, required=True)
    capacity = fields.Integer(required=True)
    # marshmallow takes fields out of the class, so this does not hide Schema.load.
    load = fields.Integer(required=True)  # type: ignore[assignment]
    skills = fields.List(fields.Nested(AgentSkillSchema), required=True)
    teams = fields.List(fields.String(), required=True)
    languages = fields.List(fields.String(), required=True)
    conflicts = fields.List(fields.String(), required=True)
    calendar = fields.String(required=True, allow_none=True)
    shifts = fields.Nested(ShiftsSchema, required=True, allow_none=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


AgentPageSchema = page(AgentSchema)
