"""Verification, rating, links, merging, follow-ups on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.link import LinkKind, LinkRole
from shared.domain.outcome import VerificationMethod
from shared.domain.ticket import Priority, TicketStatus
from shared.schemas.base import Flag, StrictSchema, Whole, line, no_nul
from shared.schemas.ticket import children_rule


class VerificationSchema(StrictSchema):
    """How it is known that a solution holds, or that it does not."""

    method = fields.Enum(VerificationMethod, by_value=True, required=True)
    passed = Flag(load_default=True, metadata={"description": "False reopens the ticket."})
    by = line(255, 1, allow_none=True, load_default=None, metadata={"example": "Ann Lee"})
    what = line(
        10_000,
        1,
        allow_none=True,
        load_default=None,
        metadata={"example": "Connected from two networks for an hour."},
    )

    children = children_rule(
        "With the requester's confirmation, which closes: what open children do."
    )

    @validates_schema
    def _tests_say_who_and_what(self, data: dict[str, Any], **_: Any) -> None:
        confirms = data.get("method") is VerificationMethod.REQUESTER and data.get("passed")
        if data.get("children") is not None and not confirms:
            message = "Only a requester's confirmation takes this."
            raise ValidationError(message, "children")
        if data.get("method") is not VerificationMethod.TEST:
            return
        missing = {n: ["A test says this."] for n in ("by", "what") if not data.get(n)}
        if missing:
            raise ValidationError(missing)


class RatingSchema(StrictSchema):
    """How content the requester is."""

    score = Whole(required=True, validate=validate.Range(min=1, max=5))
    comment = line(5_000, 1, allow_none=True, load_default=None)


class LinkSchema(StrictSchema):
    """A link to be made: what the other ticket is to this one."""

    kind = fields.Enum(
        LinkKind,
        by_value=True,
        required=True,
        validate=validate.NoneOf([LinkKind.MERGED], error="Merging makes this one."),
    )
    ticket_id = fields.String(required=True, validate=[validate.Length(max=64), no_nul])


class LinkedSchema(StrictSchema):
    """A ticket that another one is linked with."""

    role = fields.Enum(LinkRole, by_value=True, required=True)
    ticket_id = fields.String(required=True)
    number = fields.Integer(required=True)
    subject = fields.String(required=True)
    status = fields.Enum(TicketStatus, by_value=True, required=True)
    priority = fields.Enum(Priority, by_value=True, required=True)


class LinkedListSchema(StrictSchema):
    """All tickets that one is linked with."""

    items = fields.List(fields.Nested(LinkedSchema), required=True)


class MergeSchema(StrictSchema):
    """The ticket that this one becomes part of."""

    into = fields.String(required=True, validate=[validate.Length(max=64), no_nul])


class FollowUpSchema(StrictSchema):
    """What is new about a ticket that is over."""

    description = line(100_000, 1, required=True)
    subject = line(255, 1, allow_none=True, load_default=None)
