"""The facts Patchbay tells: the envelope and, for each event type, its version and data.

An event is rendered once, to the text that is stored, signed, sent and shown in the feed. The
envelope is that of Standard Webhooks (`type`, `timestamp`, `data`), with the id, a version of the
data's shape, and the ticket's sequence, by which a receiver sees gaps and stale news.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields

from shared.domain.clock import rfc3339
from shared.domain.event import EventType, OperationalEventType
from shared.domain.lifecycle import HoldReason
from shared.domain.link import LinkRole
from shared.domain.sla import Said
from shared.schemas.attachment import AttachmentSchema
from shared.schemas.base import StrictSchema, Timestamp
from shared.schemas.comment import CommentSchema
from shared.schemas.sla import MetricEventSchema
from shared.schemas.ticket import AssigneeSchema, TicketSchema


class TicketDataSchema(StrictSchema):
    """What most ticket events carry: the ticket as it was right after the change."""

    ticket = fields.Nested(TicketSchema, required=True)
    sla = fields.List(
        fields.Nested(MetricEventSchema),
        metadata={"description": "What the change did to the ticket's clocks, if anything."},
    )


class PastEventDataSchema(StrictSchema):
    """Something that happened to an imported ticket, in the words of where it happened."""

    at = Timestamp(required=True)
    what = fields.String(required=True)
    who = fields.String(required=True, allow_none=True)


class TicketCreatedDataSchema(TicketDataSchema):
    """A new ticket. One that lived elsewhere says so, and has its history; it is never sent."""

    imported = fields.Boolean()
    said_before = fields.List(
        fields.Enum(Said, by_value=True),
        metadata={"description": "What of an imported conversation counts for its clocks."},
    )
    history = fields.List(fields.Nested(PastEventDataSchema))


class AssignmentSchema(StrictSchema):
    """A ticket given to an agent."""

    id = fields.String(required=True)
    decision_id = fields.String(required=True)
    agent = fields.Nested(AssigneeSchema, required=True)


class TicketAssignedDataSchema(TicketDataSchema):
    """The ticket and who got it; `from_agent` is who had it until then, if somebody did."""

    assignment = fields.Nested(AssignmentSchema, required=True)
    from_agent = fields.Nested(AssigneeSchema)
    imported = fields.Boolean()


class TicketOfferedDataSchema(TicketAssignedDataSchema):
    """The ticket, who is asked to take it, and until when."""

    offered_until = Timestamp(required=True)


class TicketDeclinedDataSchema(TicketDataSchema):
    """The ticket and who would not have it; an offer that ran out was declined by silence."""

    declined_by = fields.Nested(AssigneeSchema, required=True)
    expired = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True)


class TicketTransferredDataSchema(TicketDataSchema):
    """The ticket, the team it went to and the one it left, and who had it until then."""

    from_team = fields.String(required=True, allow_none=True)
    from_agent = fields.Nested(AssigneeSchema, required=True, allow_none=True)
    escalated = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True)


class TicketWaitingDataSchema(TicketDataSchema):
    """The ticket and why nobody could take it."""

    reason = fields.String(required=True)


class TicketReturnedDataSchema(TicketDataSchema):
    """The ticket, taken back from an agent who had not begun it."""

    returned_from = fields.Nested(AssigneeSchema, required=True)


class TicketAttachedDataSchema(TicketDataSchema):
    """The ticket and what was attached to it."""

    attachments = fields.List(fields.Nested(AttachmentSchema), required=True)


class TicketClocksDataSchema(TicketDataSchema):
    """The ticket, and what time did to its clocks."""

    sla = fields.List(fields.Nested(MetricEventSchema), required=True)


class TicketUpdatedDataSchema(TicketDataSchema):
    """The ticket and the names of the fields that changed."""

    changed = fields.List(fields.String(), required=True)


class TicketPausedDataSchema(TicketDataSchema):
    """The ticket, and why it is paused and until when."""

    reason = fields.Enum(HoldReason, by_value=True, required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    until = Timestamp(required=True, allow_none=True)


class TicketCommentedDataSchema(TicketDataSchema):
    """The ticket and what was said. `internal` comments are not for the requester."""

    comment = fields.Nested(CommentSchema, required=True)


class TicketVerifiedDataSchema(TicketDataSchema):
    """The ticket and how it is known whether the solution holds."""

    verification = fields.Dict(required=True)


class TicketRatedDataSchema(TicketDataSchema):
    """The ticket and how content the requester is."""

    satisfaction = fields.Dict(required=True)


class LinkedTicketSchema(StrictSchema):
    """The other ticket of a link, and what it is to this one."""

    role = fields.Enum(LinkRole, by_value=True, required=True)
    ticket_id = fields.String(required=True)
    number = fields.Integer(required=True)


class TicketLinkedDataSchema(TicketDataSchema):
    """The ticket and the one it was linked with, or no longer is."""

    link = fields.Nested(LinkedTicketSchema, required=True)


class TicketReferenceSchema(StrictSchema):
    """Another ticket."""

    id = fields.String(required=True)
    number = fields.Integer(required=True)


class TicketMergedDataSchema(TicketDataSchema):
    """The ticket that is no more, and the one that it is part of now."""

    into = fields.Nested(TicketReferenceSchema, required=True)


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """One entry of the event catalogue."""

    event_type: EventType | OperationalEventType
    version: int
    summary: str
    data: type[Schema]


CATALOGUE: dict[EventType, EventDefinition] = {
    EventType(definition.event_type): definition
    for definition in (
        EventDefinition(
            EventType.TICKET_CREATED, 1, "A ticket was accepted.", TicketCreatedDataSchema
        ),
        EventDefinition(
            EventType.TICKET_ASSIGNED,
            1,
            "A ticket was given to an agent.",
            TicketAssignedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_OFFERED,
            1,
            "An agent is asked to take a ticket.",
            TicketOfferedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_DECLINED,
            1,
            "An agent would not take a ticket, or did not answer in time.",
            TicketDeclinedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_TRANSFERRED,
            1,
            "A ticket was handed over or escalated to another team.",
            TicketTransferredDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_WAITING, 1, "No agent can take it now.", TicketWaitingDataSchema
        ),
        EventDefinition(
            EventType.TICKET_RETURNED,
            1,
            "Taken back from an agent who left before beginning, or no longer fits.",
            TicketReturnedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_ATTACHED,
            1,
            "Files or links were attached to a ticket.",
            TicketAttachedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_UPDATED, 1, "Fields of a ticket changed.", TicketUpdatedDataSchema
        ),
        EventDefinition(
            EventType.TICKET_COMMENTED,
            1,
            "Something was said about a ticket.",
            TicketCommentedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_PENDING,
            1,
            "The requester is asked for something.",
            TicketPausedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_HELD, 1, "A ticket was put on hold.", TicketPausedDataSchema
        ),
        EventDefinition(EventType.TICKET_RESUMED, 1, "A paused ticket goes on.", TicketDataSchema),
        EventDefinition(
            EventType.TICKET_VERIFIED,
            1,
            "It was checked whether the solution holds.",
            TicketVerifiedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_RATED, 1, "The requester rated a solution.", TicketRatedDataSchema
        ),
        EventDefinition(
            EventType.TICKET_CANCELLED, 1, "A ticket is not wanted any more.", TicketDataSchema
        ),
        EventDefinition(
            EventType.TICKET_MARKED_SPAM, 1, "A ticket turned out to be spam.", TicketDataSchema
        ),
        EventDefinition(
            EventType.TICKET_RESTORED, 1, "A ticket is no spam after all.", TicketDataSchema
        ),
        EventDefinition(
            EventType.TICKET_LINKED,
            1,
            "A ticket was linked with another.",
            TicketLinkedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_UNLINKED,
            1,
            "A link between two tickets was taken away.",
            TicketLinkedDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_MERGED,
            1,
            "A ticket became part of another.",
            TicketMergedDataSchema,
        ),
        EventDefinition(EventType.TICKET_RESOLVED, 1, "A ticket was resolved.", TicketDataSchema),
        EventDefinition(EventType.TICKET_CLOSED, 1, "A ticket was closed.", TicketDataSchema),
        EventDefinition(EventType.TICKET_REOPENED, 1, "A ticket was reopened.", TicketDataSchema),
        EventDefinition(
            EventType.TICKET_SLA_WARNED,
            1,
            "Most of the time promised for a ticket is used up.",
            TicketClocksDataSchema,
        ),
        EventDefinition(
            EventType.TICKET_SLA_BREACHED,
            1,
            "A time promised for a ticket has passed.",
            TicketClocksDataSchema,
        ),
    )
}


class EventSchema(StrictSchema):
    """The envelope."""

    id = fields.String(required=True, metadata={"description": "Also the `webhook-id`."})
    type = fields.Enum(EventType, by_value=True, required=True)
    version = fields.Integer(required=True)
    timestamp = Timestamp(required=True)
    sequence = fields.Integer(
        required=True, metadata={"description": "1, 2, 3 … within the ticket, without a gap."}
    )
    correlation_id = fields.String(required=True)
    data = fields.Dict(required=True)


def envelope(
    event_id: str,
    event_type: EventType,
    occurred_at: datetime,
    sequence: int,
    correlation_id: str,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """Return an event as it goes over the wire; `data` is already in wire form."""
    return {
        "id": event_id,
        "type": event_type.value,
        "version": CATALOGUE[event_type].version,
        "timestamp": rfc3339(occurred_at),
        "sequence": sequence,
        "correlation_id": correlation_id,
        "data": data,
    }
