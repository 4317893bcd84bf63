"""Why a ticket went where it went, on the wire."""

from marshmallow import fields

from shared.schemas.base import StrictSchema, Timestamp, page
from shared.schemas.ticket import RequiredSkillSchema


class CandidateSchema(StrictSchema):
    """An agent who passed every filter, with each score, before weighting, and the total."""

    agent_id = fields.String(required=True)
    scores = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    total = fields.Float(required=True)
    state = fields.Dict(
        required=True, metadata={"description": "What the decision saw of the agent's load."}
    )


class RejectionSchema(StrictSchema):
    """Agents who were stopped by the same filter for the same reason."""

    filter = fields.String(required=True)
    reason = fields.String(required=True)
    count = fields.Integer(required=True)
    agent_ids = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "At most 100 of them; `count` is the whole number."},
    )


class DecidingProfileSchema(StrictSchema):
    """The profile that decided, and the plugins that took part."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    filters = fields.List(fields.String(), required=True)
    matcher = fields.String(required=True)
    options = fields.Dict(metadata={"description": "Options of plugins."})


class FaultSchema(StrictSchema):
    """A plugin that failed."""

    kind = fields.String(required=True)
    plugin = fields.String(required=True)
    error = fields.String(required=True)


class ExplanationSchema(StrictSchema):
    """The inputs and the outcome of one routing decision."""

    rules_version = fields.Integer(required=True)
    rules_fired = fields.List(fields.String(), required=True)
    rule_errors = fields.List(
        fields.String(),
        metadata={"description": "Rules that had no answer, and why; at most 20."},
    )
    team = fields.String(required=True, allow_none=True)
    required_skills = fields.List(fields.Nested(RequiredSkillSchema), required=True)
    priority = fields.String(required=True)
    sla_policy = fields.String(allow_none=True)
    profile = fields.Nested(DecidingProfileSchema, required=True)
    winner = fields.String(
        allow_none=True, metadata={"description": "Who was chosen; null: nobody."}
    )
    context = fields.Dict(
        metadata={"description": "What was true for all: the moment, the supply of skills."}
    )
    weights = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    candidates = fields.List(fields.Nested(CandidateSchema), required=True)
    candidates_total = fields.Integer(required=True)
    rejected = fields.List(fields.Nested(RejectionSchema), required=True)
    subject = fields.Dict(
        required=True,
        metadata={"description": "What filters and scorers knew of the ticket."},
    )
    by_hand = fields.Dict(
        metadata={"description": "Who assigned it by hand, with the capacity's guard or without."}
    )
    faults = fields.List(
        fields.Nested(FaultSchema),
        required=True,
        metadata={"description": "Plugins that the decision went on without."},
    )


class DecisionSchema(StrictSchema):
    """One routing decision."""

    id = fields.String(required=True)
    ticket_id = fields.String(required=True)
    decided_at = Timestamp(required=True)
    outcome = fields.String(required=True, metadata={"enum": ["assigned", "offered", "waiting"]})
    agent_id = fields.String(required=True, allow_none=True)
    explanation = fields.Nested(ExplanationSchema, required=True)


DecisionPageSchema = page(DecisionSchema)
