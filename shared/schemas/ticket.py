"""Tickets on the wire: what may be sent to make or change one, and what one looks like."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.lifecycle import ChildrenRule, HoldReason, Transition
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
    Whole,
    distinct,
    line,
    no_nul,
    page,
    partly,
    plain_document,
    slug,
)
from shared.schemas.requester import RequesterSchema
from shared.schemas.upload import upload_ids

MAX_CUSTOM_FIELDS = 100
MAX_REQUIRED_SKILLS = 20

MAX_EXTERNAL_ID = 255

#: The source of a ticket whose sender names none.
DEFAULT_SOURCE = "api"


class RequiredSkillSchema(StrictSchema):
    """A skill that whoever gets the ticket must have, at this level or above."""

    skill = slug(required=True, metadata={"example": "vpn"})
    level = Whole(load_default=1, validate=validate.Range(min=1, max=5), metadata={"example": 2})


class ImpactDetailsSchema(StrictSchema):
    """What the trouble costs, in words."""

    delays = line(2_000, allow_none=True, load_default=None)
    costs = line(2_000, allow_none=True, load_default=None)
    productivity = line(2_000, allow_none=True, load_default=None)


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
    impact_details = fields.Nested(ImpactDetailsSchema, allow_none=True, load_default=None)
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
    attachments = upload_ids()


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
    """What solved it, for the requester and for the next one with the same trouble.

    `summary` is the solution as the requester is told it, and `steps_taken` what was done for it;
    `cause` and `lessons_learned` stay inside.
    """

    summary = line(10_000, 1, required=True)
    cause = line(10_000, allow_none=True)
    steps_taken = line(50_000, allow_none=True)
    lessons_learned = line(50_000, allow_none=True)


def children_rule(description: str) -> fields.Enum[ChildrenRule]:
    """Return the field that says what open children do when their parent ends."""
    return fields.Enum(
        ChildrenRule,
        by_value=True,
        allow_none=True,
        load_default=None,
        validate=validate.OneOf([ChildrenRule.FORCE, ChildrenRule.LEAVE]),
        metadata={"description": description},
    )


class TransitionSchema(StrictSchema):
    """A step in the life of a ticket."""

    transition = fields.Enum(Transition, by_value=True, required=True)
    resolution = fields.Nested(
        ResolutionSchema,
        allow_none=True,
        load_default=None,
        metadata={"description": "With `resolve`: what solved it."},
    )
    reason = fields.Enum(
        HoldReason,
        by_value=True,
        allow_none=True,
        load_default=None,
        metadata={"description": "With `hold`, which needs it: what it waits for."},
    )
    note = line(
        10_000,
        1,
        allow_none=True,
        load_default=None,
        metadata={"description": "With `ask`, which details are needed; with `hold`, more words."},
    )
    until = Timestamp(
        allow_none=True,
        load_default=None,
        metadata={"description": "With `ask` and `hold`: when it resumes by itself."},
    )
    children = children_rule("With `resolve`, `close`, `cancel`: what open children do.")

    @validates_schema
    def _only_what_the_step_takes(self, data: dict[str, Any], **_: Any) -> None:
        step = data.get("transition")
        if step is None:
            return
        errors = {
            name: [f"Only {_words(steps)} takes this."]
            for name, steps in _DETAILS.items()
            if data.get(name) is not None and step not in steps
        }
        if step is Transition.HOLD and data.get("reason") is None:
            errors["reason"] = ["Say what it waits for."]
        if errors:
            raise ValidationError(errors)


_DETAILS = {
    "resolution": (Transition.RESOLVE,),
    "reason": (Transition.HOLD,),
    "note": (Transition.ASK, Transition.HOLD),
    "until": (Transition.ASK, Transition.HOLD),
    "children": (Transition.RESOLVE, Transition.CLOSE, Transition.CANCEL),
}


def _words(steps: tuple[Transition, ...]) -> str:
    return " or ".join(f"`{step.value}`" for step in steps)


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
    requester = fields.Dict(
        required=True,
        metadata={"description": "Who asked, as they were sent, with the `id` of the requester."},
    )
    type = fields.Enum(TicketType, by_value=True, required=True)
    category = fields.String(required=True, allow_none=True)
    product = fields.String(required=True, allow_none=True)
    severity = fields.Enum(Severity, by_value=True, required=True, allow_none=True)
    impact = fields.Enum(Level, by_value=True, required=True, allow_none=True)
    urgency = fields.Enum(Level, by_value=True, required=True, allow_none=True)
    priority = fields.Enum(Priority, by_value=True, required=True)
    error_messages = fields.List(fields.String(), required=True)  # type: ignore[assignment]
    steps_to_reproduce = fields.String(required=True, allow_none=True)
    impact_details = fields.Dict(required=True, allow_none=True)
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
    hold = fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "Why it is paused: reason, note, until."},
    )
    resolution = fields.Dict(required=True, allow_none=True)
    verification = fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "How it is known that the solution holds."},
    )
    satisfaction = fields.Dict(
        required=True, allow_none=True, metadata={"description": "The requester's rating, 1 to 5."}
    )
    reopen_count = fields.Integer(required=True)
    merged_into_id = fields.String(required=True, allow_none=True)
    time_spent_s = fields.Integer(
        required=True, metadata={"description": "What comments say the work took, in seconds."}
    )
    expected_resolution_at = Timestamp(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    resolved_at = Timestamp(required=True, allow_none=True)
    closed_at = Timestamp(required=True, allow_none=True)


TicketPageSchema = page(TicketSchema)

#: Of a list that may be asked for some fields alone.
PartialTicketPageSchema = page(partly(TicketSchema))
