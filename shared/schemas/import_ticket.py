"""Tickets that lived elsewhere, on the wire: a new ticket and what it has behind it."""

from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.comment import AuthorKind, Visibility
from shared.domain.lifecycle import HoldReason
from shared.domain.ticket import TicketStatus
from shared.schemas.base import StrictSchema, Timestamp, line
from shared.schemas.bulk import BulkTicketSchema
from shared.schemas.comment import MAX_TIME_SPENT_S
from shared.schemas.ticket import ResolutionSchema

MAX_COMMENTS = 1_000
MAX_HISTORY = 1_000

#: Beyond it numbers would soon be too large for people and for JavaScript.
MAX_NUMBER = 10**12

_SOLVED = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED})
_ENDED = frozenset({TicketStatus.CLOSED, TicketStatus.CANCELLED, TicketStatus.SPAM})


class PastAuthorSchema(StrictSchema):
    """Who said it. An agent by id or e-mail address, where the agent is known here."""

    kind = fields.Enum(AuthorKind, by_value=True, required=True)
    id = line(64, 1, allow_none=True, load_default=None)
    name = line(255, 1, allow_none=True, load_default=None)


class PastCommentSchema(StrictSchema):
    """Something that was said, and when."""

    body = line(100_000, 1, required=True)
    created_at = Timestamp(required=True)
    visibility = fields.Enum(Visibility, by_value=True, load_default=Visibility.PUBLIC)
    author = fields.Nested(PastAuthorSchema, required=True)
    time_spent_s = fields.Integer(
        strict=True, load_default=0, validate=validate.Range(min=0, max=MAX_TIME_SPENT_S)
    )


class PastEventSchema(StrictSchema):
    """Something that happened, in the words of where it happened."""

    at = Timestamp(required=True)
    what = line(2_000, 1, required=True, metadata={"example": "Escalated to second level."})
    who = line(255, 1, allow_none=True, load_default=None)


class ImportTicketSchema(BulkTicketSchema):
    """A line of a body in import mode."""

    number = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(min=1, max=MAX_NUMBER),
        metadata={"description": "Kept if no ticket has it; else the ticket gets a new one."},
    )
    status = fields.Enum(
        TicketStatus,
        by_value=True,
        load_default=TicketStatus.NEW,
        validate=validate.NoneOf([TicketStatus.MERGED], error="A merged ticket needs the other."),
    )
    assignee = line(
        254,
        1,
        allow_none=True,
        load_default=None,
        metadata={"description": "The agent who has it, or had it last: id or e-mail address."},
    )
    created_at = Timestamp(required=True)
    updated_at = Timestamp(allow_none=True, load_default=None)
    resolved_at = Timestamp(allow_none=True, load_default=None)
    closed_at = Timestamp(allow_none=True, load_default=None)
    hold_reason = fields.Enum(HoldReason, by_value=True, allow_none=True, load_default=None)
    resolution = fields.Nested(ResolutionSchema, allow_none=True, load_default=None)
    comments = fields.List(
        fields.Nested(PastCommentSchema),
        validate=validate.Length(max=MAX_COMMENTS),
        load_default=list,
    )
    history = fields.List(
        fields.Nested(PastEventSchema), validate=validate.Length(max=MAX_HISTORY), load_default=list
    )

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        errors = {
            name: ["This is before created_at."]
            for name in ("updated_at", "resolved_at", "closed_at")
            if _before(data.get(name), data.get("created_at"))
        }
        if errors:
            raise ValidationError(errors)

    @validates_schema
    def _as_the_status_says(self, data: dict[str, Any], **_: Any) -> None:
        status = data["status"]
        errors = {}
        if data["resolved_at"] is not None and status not in _SOLVED:
            errors["resolved_at"] = [f"A ticket that is {status.value} was not resolved."]
        if data["closed_at"] is not None and status not in _ENDED:
            errors["closed_at"] = [f"A ticket that is {status.value} was not closed."]
        if data["resolution"] is not None and status not in _SOLVED:
            errors["resolution"] = [f"A ticket that is {status.value} was not resolved."]
        if data["hold_reason"] is not None and status is not TicketStatus.ON_HOLD:
            errors["hold_reason"] = [f"A ticket that is {status.value} is not on hold."]
        if status is TicketStatus.OPEN and data["assignee"] is None:
            errors["assignee"] = ["Say who has it; send the status new for nobody."]
        if errors:
            raise ValidationError(errors)


def _before(moment: datetime | None, other: datetime | None) -> bool:
    return moment is not None and other is not None and moment < other
