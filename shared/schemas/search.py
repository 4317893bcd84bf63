"""Searching tickets, on the wire."""

from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate

from shared.domain.search.fields import FIELDS, MAX_VALUES, checked
from shared.domain.search.parse import MAX_CHARS, BadQuestion, parse
from shared.domain.search.question import Question
from shared.domain.ticket import Priority, TicketStatus, TicketType
from shared.schemas.base import StrictSchema, Timestamp

#: Tickets of a page at the most: each is shown with what was found in it.
MAX_HITS = 50


class SearchOrder(StrEnum):
    """How tickets that fit are ordered."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


class QuestionField(fields.Field[Question]):
    """What is searched for, in words and filters."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Question:
        try:
            return parse(str(value))
        except BadQuestion as error:
            raise ValidationError(str(error)) from error


class FilterField(fields.Field[tuple[str, ...]]):
    """Values of one of the ticket's fields, separated by commas."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> tuple[str, ...]:
        try:
            return checked(str(attr), str(value).split(","))
        except ValueError as error:
            raise ValidationError(str(error)) from error


#: A value, in a pattern: not only space, as Python and ECMA 262 see it.
_ANY_TEXT = r"[^,]*[^,\s\x1c-\x1f\x85][^,]*"


def _filters() -> dict[str, fields.Field[Any]]:
    described = {"type": "string", "description": "One of these values, separated by commas."}
    return {
        name: FilterField(metadata={**described, "pattern": _pattern(vocabulary)})
        for name, vocabulary in FIELDS.items()
    }


def _pattern(vocabulary: type[StrEnum] | None) -> str:
    one = f"(?:{'|'.join(vocabulary)})" if vocabulary else _ANY_TEXT
    return f"^{one}(?:,{one}){{0,{MAX_VALUES - 1}}}$"


_BaseSchema = StrictSchema.from_dict(_filters(), name="SearchFiltersSchema")


class SearchQuerySchema(_BaseSchema):  # type: ignore[misc, valid-type]
    """What to search for, and how to show it."""

    q = QuestionField(
        load_default=Question(),
        metadata={
            "type": "string",
            "maxLength": MAX_CHARS,
            "default": "",
            "description": 'Words, "phrases", -exclusions and filters such as status:open or '
            "created:>2026-01-31; all must hold.",
            "example": 'vpn "every ten minutes" status:open -printer',
        },
    )
    created_after = Timestamp(metadata={"type": "string", "format": "date-time"})
    created_before = Timestamp(metadata={"type": "string", "format": "date-time"})
    sort = fields.Enum(SearchOrder, by_value=True, load_default=SearchOrder.RELEVANCE)
    after = fields.String(load_default="", metadata={"description": "`next` of the last page."})
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=MAX_HITS))


class FoundTicketSchema(StrictSchema):
    """A ticket as search shows it."""

    id = fields.String(required=True)
    number = fields.Integer(required=True)
    subject = fields.String(required=True)
    status = fields.Enum(TicketStatus, by_value=True, required=True)
    priority = fields.Enum(Priority, by_value=True, required=True)
    type = fields.Enum(TicketType, by_value=True, required=True)
    team = fields.String(required=True, allow_none=True)
    assignee_id = fields.String(required=True, allow_none=True)
    requester = fields.Dict(required=True)
    tags = fields.List(fields.String(), required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class PieceSchema(StrictSchema):
    """A part of a text. The parts of a highlight, put together, are the text."""

    text = fields.String(required=True)
    match = fields.Boolean(required=True, metadata={"description": "Whether it was searched for."})


class HighlightSchema(StrictSchema):
    """Where something was found."""

    field = fields.String(required=True, metadata={"example": "description"})
    comment_id = fields.String(required=True, allow_none=True)
    pieces = fields.List(fields.Nested(PieceSchema), required=True)


class HitSchema(StrictSchema):
    """A ticket that fits."""

    ticket = fields.Nested(FoundTicketSchema, required=True)
    score = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "More is better; only for comparing within one answer."},
    )
    highlights = fields.List(fields.Nested(HighlightSchema), required=True)


class SearchPageSchema(StrictSchema):
    """A page of tickets that fit."""

    items = fields.List(fields.Nested(HitSchema), required=True)
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Pass as `after` to read on; null at the end. By age, a page may be "
            "short, even empty, and yet lead on."
        },
    )
    complete = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether all tickets were looked at. When so many fit that only the "
            "newest were ranked, narrow the search, or sort by newest and read on."
        },
    )
