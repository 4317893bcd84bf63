"""Why a ticket went where it went, on the wire."""

from marshmallow import fields

from shared.schemas.base import StrictSchema, Timestamp, page
from shared.schemas.ticket import RequiredSkillSchema


class CandidateSchema(StrictSchema):
    """An agent who passed every filter, with each score, before weighting, and the total."""

    agent_id = fields.String(required=True)
    scores = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    total = fields.Float(required=True)


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
    profile = fields.String(allow_none=True)
    weights = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    candidates = fields.List(fields.Nested(CandidateSchema), required=True)
    candidates_total = fields.Integer(required=True)
    rejected = fields.List(fields.Nested(RejectionSchema), required=True)


class DecisionSchema(StrictSchema):
    """One routing decision."""

    id = fields.String(required=True)
    ticket_id = fields.String(required=True)
    decided_at = Timestamp(required=True)
    outcome = fields.String(required=True, metadata={"enum": ["assigned", "waiting"]})
    agent_id = fields.String(required=True, allow_none=True)
    explanation = fields.Nested(ExplanationSchema, required=True)


DecisionPageSchema = page(DecisionSchema)
