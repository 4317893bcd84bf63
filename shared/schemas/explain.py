"""Asking what would happen to a ticket, on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from shared.schemas.base import StrictSchema, Timestamp, no_nul
from shared.schemas.decisions import ExplanationSchema
from shared.schemas.ticket import AssigneeSchema, CreateTicketSchema


class ExplainSchema(StrictSchema):
    """A ticket that exists, or one as it would be sent."""

    ticket_id = fields.String(validate=no_nul)
    ticket = fields.Nested(CreateTicketSchema)

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("ticket_id" in data) == ("ticket" in data):
            message = "Give either `ticket_id` or `ticket`."
            raise ValidationError(message)


class ExplainedSchema(StrictSchema):
    """What would happen now, and why."""

    outcome = fields.String(
        required=True, metadata={"enum": ["assigned", "offered", "waiting", "delayed"]}
    )
    agent = fields.Nested(AssigneeSchema, required=True, allow_none=True)
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why nobody would get it."}
    )
    routed_at = Timestamp(required=True)
    changes_at = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "When its need changes by itself if it waits."},
    )
    ticket = fields.Dict(
        required=True, metadata={"description": "What the rules make of the ticket's fields."}
    )
    explanation = fields.Nested(ExplanationSchema, required=True)
