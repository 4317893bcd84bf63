"""Tickets on the wire: what may be sent to make or change one, and what one looks like."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.lifecycle import Transition
from shared.domain.ticket import (
    Channel,
    Lane,
    Level,
    Priority,
    Severity,
    TicketStatus,
    TicketType,
)
from shared.schemas.base import (
    StrictSchema,
    Timestamp,
    distinct,
    line,
    no_nul,
    page,
    plain_document,
    slug,
)

MAX_CUSTOM_FIELDS = 100
MAX_REQUIRED_SKILLS = 20

MAX_EXTERNAL_ID = 255

#: The source of a ticket whose sender names none.
DEFAULT_SOURCE = "api"


class ContactSchema(StrictSchema):
    """Another way to reach the requester, such as a messenger account."""

    type = line(32, 1, required=True, metadata={"example": "telegram"})
    value = line(255, 1, required=True, metadata={"example": "@mira"})


class RequesterSchema(StrictSchema):
    """Who asks for help. At least one of name, email and phone."""

    name = line(255, 1, allow_none=True, metadata={"example": "Mira Petrova"})
    email = fields.Email(
        allow_none=True, validate=validate.Length(max=254), metadata={"example": "mira@example.com"}
    )
    phone = line(32, 3, allow_none=True, metadata={"example": "+44 20 7946 0000"})
    contacts = fields.List(fields.Nested(ContactSchema), validate=validate.Length(max=20))
    locale = line(35, 2, allow_none=True, metadata={"example": "en"})

    @validates_schema
    def _reachable(self, data: dict[str, Any], **_: Any) -> None:
        if not any(data.get(name) for name in ("name", "email", "phone")):
            message = "Give at least one of name, email and phone."
            raise ValidationError(message)


class RequiredSkillSchema(StrictSchema):
    """A skill that whoever gets the ticket must have, at this level or above."""

    skill = slug(required=True, metadata={"example": "vpn"})
    level = fields.Integer(
        load_default=1, strict=True, validate=validate.Range(min=1, max=5), metadata={"example": 2}
    )


class _TicketContent(StrictSchema):
    """The fields that whoever writes a ticket may set, then and later."""

    type = fields.Enum(TicketType, by_value=True, load_default=TicketType.GENERAL_INQUIRY)
    category = line(128, 1, allow_none=True, load_default=None)
    product = line(128, 1, allow_none=True, load_default=None)
    severity = fields.Enum(Severity, by_value=True, allow_none=True, load_default=None)
    impact = fields.Enum(
        Level,
        by_value=True,
        allow_none=True,
        load_default=None,
        metadata={"description": "How much is affected."},
    )
    urgency = fields.Enum(
        Level,
        by_value=True,
        allow_none=True,
        load_default=None,
        metadata={"description": "How soon it hurts."},
    )
    # marshmallow takes fields out of the class, so this does not hide Schema.error_messages.
    error_messages = fields.List(line(10_000), validate=validate.Length(max=50), load_default=list)  # type: ignore[assignment]
    steps_to_reproduce = line(50_000, allow_none=True, load_default=None)
    tags = fields.List(slug(), validate=validate.Length(max=50), load_default=list)
    custom_fields = fields.Dict(
        keys=fields.String(validate=[validate.Length(min=1, max=64), no_nul]),
        validate=[validate.Length(max=MAX_CUSTOM_FIELDS), plain_document],
        load_default=dict,
    )
    required_skills = fields.List(
        fields.Nested(RequiredSkillSchema),
        validate=[validate.Length(max=MAX_REQUIRED_SKILLS), distinct("skill")],
        load_default=list,
    )
    team = slug(allow_none=True, load_default=None, metadata={"example": "network"})


class CreateTicketSchema(_TicketContent):
    """A new ticket. Only subject and requester are required."""

    subject = line(255, 1, required=True, metadata={"example": "VPN drops every ten minutes"})
    description = line(100_000, load_default="")
    requester = fields.Nested(RequesterSchema, required=True)
    priority = fields.Enum(
        Priority,
        by_value=True,
        allow_none=True,
        load_default=None,
        metadata={"description": "Left out, it follows from impact x urgency and severity."},
    )
    source = slug(
        load_default=DEFAULT_SOURCE,
        metadata={"description": "The system that `external_id` is of."},
    )
    external_id = line(MAX_EXTERNAL_ID, 1, allow_none=True, load_default=None)
    channel = fields.Enum(Channel, by_value=True, load_default=Channel.API)
    lane = fields.Enum(
        Lane,
        by_value=True,
        load_default=Lane.LIVE,
        metadata={"description": "`bulk` tickets are routed after all live ones."},
    )


class PutTicketSchema(CreateTicketSchema):
    """A ticket whose source and external id are in the path."""

    class Meta(StrictSchema.Meta):
        exclude = ("source", "external_id")


class UpdateTicketSchema(_TicketContent):
    """Changes to a ticket; what is left out stays as it is."""

    subject = line(255, 1)
    description = line(100_000)
    priority = fields.Enum(Priority, by_value=True)


class ResolutionSchema(StrictSchema):
    """What solved it, for the requester and for the next one with the same trouble."""

    summary = line(10_000, 1, required=True)
    cause = line(10_000, allow_none=True)
    steps_taken = line(50_000, allow_none=True)
    lessons_learned = line(50_000, allow_none=True)


class TransitionSchema(StrictSchema):
    """A step in the life of a ticket."""

    transition = fields.Enum(Transition, by_value=True, required=True)
    resolution = fields.Nested(ResolutionSchema, allow_none=True, load_default=None)

    @validates_schema
    def _resolution_only_when_resolving(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("resolution") and data.get("transition") is not Transition.RESOLVE:
            message = "Only the transition `resolve` takes a resolution."
            raise ValidationError(message, "resolution")


class AssigneeSchema(StrictSchema):
    """Who has the ticket."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)


class TicketSchema(StrictSchema):
    """A ticket as it is."""

    id = fields.String(required=True, metadata={"example": "tkt_019a0c5e7d2f7c3a9b1e5f60718293a4"})
    number = fields.Integer(required=True)
    version = fields.Integer(required=True)
    source = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    channel = fields.Enum(Channel, by_value=True, required=True)
    subject = fields.String(required=True)
    description = fields.String(required=True)
    requester = fields.Dict(required=True)
    type = fields.Enum(TicketType, by_value=True, required=True)
    category = fields.String(required=True, allow_none=True)
    product = fields.String(required=True, allow_none=True)
    severity = fields.Enum(Severity, by_value=True, required=True, allow_none=True)
    impact = fields.Enum(Level, by_value=True, required=True, allow_none=True)
    urgency = fields.Enum(Level, by_value=True, required=True, allow_none=True)
    priority = fields.Enum(Priority, by_value=True, required=True)
    error_messages = fields.List(fields.String(), required=True)  # type: ignore[assignment]
    steps_to_reproduce = fields.String(required=True, allow_none=True)
    tags = fields.List(fields.String(), required=True)
    custom_fields = fields.Dict(required=True)
    required_skills = fields.List(fields.Nested(RequiredSkillSchema), required=True)
    preferred_skills = fields.List(fields.Nested(RequiredSkillSchema), required=True)
    language = fields.String(required=True, allow_none=True)
    sla_policy = fields.String(required=True, allow_none=True)
    team = fields.String(required=True, allow_none=True)
    status = fields.Enum(TicketStatus, by_value=True, required=True)
    assignee = fields.Nested(AssigneeSchema, required=True, allow_none=True)
    offered_to = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The agent who is asked to take it."},
    )
    resolution = fields.Dict(required=True, allow_none=True)
    expected_resolution_at = Timestamp(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    resolved_at = Timestamp(required=True, allow_none=True)
    closed_at = Timestamp(required=True, allow_none=True)


TicketPageSchema = page(TicketSchema)
