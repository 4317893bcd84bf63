"""What a customer sees of a ticket, on the wire."""

from marshmallow import fields

from shared.domain.public_status import PublicStatus
from shared.schemas.base import StrictSchema, Timestamp


class PublicTicketSchema(StrictSchema):
    """A ticket in the customer's words."""

    number = fields.Integer(required=True)
    submitted_at = Timestamp(required=True)
    status = fields.Enum(PublicStatus, by_value=True, required=True)
    status_text = fields.String(required=True, metadata={"example": "In progress"})
    expected_resolution_at = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "While somebody works on it; null once it is over."},
    )
    next_steps = fields.List(
        fields.String(),
        required=True,
        metadata={"example": ["A specialist is working on your request."]},
    )


class StatusLinkSchema(StrictSchema):
    """Where the requester of a ticket follows it."""

    url = fields.String(
        required=True, metadata={"example": "https://help.example.com/t/InRrdF8wMTlhMGM…"}
    )
