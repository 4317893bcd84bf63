"""Assigning by hand, answering offers and transferring, on the wire."""

from enum import StrEnum

from marshmallow import fields, validate

from shared.domain.ticket import Priority
from shared.schemas.base import Flag, StrictSchema, distinct, line, no_nul, slug
from shared.schemas.ticket import MAX_REQUIRED_SKILLS, RequiredSkillSchema


class OfferAnswer(StrEnum):
    """What an agent says to an offer."""

    ACCEPT = "accept"
    DECLINE = "decline"


class AssignSchema(StrictSchema):
    """Who gets the ticket."""

    agent_id = fields.String(required=True, validate=no_nul)
    guard = Flag(
        load_default=True,
        metadata={"description": "False assigns even if the agent is away or full."},
    )
    reason = line(1000, allow_none=True, load_default=None)


class TransferSchema(StrictSchema):
    """Which team gets the ticket, and what changes on the way."""

    team = slug(required=True, metadata={"example": "second-line"})
    priority = fields.Enum(Priority, by_value=True)
    required_skills = fields.List(
        fields.Nested(RequiredSkillSchema),
        validate=[validate.Length(max=MAX_REQUIRED_SKILLS), distinct("skill")],
    )
    escalate = Flag(
        load_default=False,
        metadata={"description": "Whether this is an escalation; the event says so."},
    )
    reason = line(1000, allow_none=True, load_default=None)


class AnswerOfferSchema(StrictSchema):
    """An agent's answer to an offer."""

    agent_id = fields.String(required=True, validate=no_nul)
    answer = fields.Enum(OfferAnswer, by_value=True, required=True)
    reason = line(1000, allow_none=True, load_default=None)
