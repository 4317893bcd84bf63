"""Which tickets of the list, in which order, and which of their fields."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate

from shared.domain.ticket import Channel, Priority, Severity, TicketStatus, TicketType
from shared.schemas.base import StrictSchema, Timestamp, line
from shared.schemas.ticket import TicketSchema

#: Values of one filter; more is a search.
MAX_VALUES = 20

#: Stands for tickets that have none.
NONE = "none"


class TicketSort(StrEnum):
    """An order, `-` for the reverse. `due` has those that are not over, the most pressing first."""

    NEWEST = "-number"
    OLDEST = "number"
    LAST_UPDATED = "-updated_at"
    FIRST_UPDATED = "updated_at"
    DUE = "due"


class _CommaSeparated(fields.Field[list[Any]]):
    """Several values in one query parameter: `new,open`."""

    def __init__(self, read: Callable[[str], Any], one: str, example: str, **kwargs: Any) -> None:
        """Read each value by `read`; `one` is a pattern of it, for the description."""
        pattern = f"^{one}(?:,{one}){{0,{MAX_VALUES - 1}}}$"
        described = {"type": "string", "pattern": pattern, "example": example}
        super().__init__(metadata=described, **kwargs)
        self._read = read

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[Any]:
        texts = list(dict.fromkeys(str(value).split(",")))
        if len(texts) > MAX_VALUES:
            message = f"More than {MAX_VALUES} values."
            raise ValidationError(message)
        return [self._read(text) for text in texts]


def _words(vocabulary: type[StrEnum], example: str) -> _CommaSeparated:
    def read(text: str) -> StrEnum:
        try:
            return vocabulary(text)
        except ValueError as error:
            message = f"{text!r} is none of: {', '.join(vocabulary)}."
            raise ValidationError(message) from error

    return _CommaSeparated(read, f"(?:{'|'.join(vocabulary)})", example)


def _texts(example: str) -> _CommaSeparated:
    def read(text: str) -> str:
        if not 1 <= len(text) <= 255:
            message = "A value has 1 to 255 characters."
            raise ValidationError(message)
        return text

    return _CommaSeparated(read, "[^,]{1,255}", example)


def _field(text: str) -> str:
    if text not in TicketSchema().fields:
        message = f"A ticket has no field {text!r}."
        raise ValidationError(message)
    return text


class TicketFilterSchema(StrictSchema):
    """Filters; those that are given must all hold, and of several values any will do."""

    status = _words(TicketStatus, "new,open")
    priority = _words(Priority, "critical,high")
    type = _words(TicketType, "complaint")
    channel = _words(Channel, "email,web")
    severity = _words(Severity, "critical")
    team = _texts("network,none")
    assignee = _texts("agt_019a0c5e7d2f7c3a9b1e5f60718293a4,none")
    requester = _texts("rqr_019a0c5e7d2f7c3a9b1e5f60718293a4")
    category = _texts("vpn")
    product = _texts("gateway")
    tag = _texts("laptop")
    sla_policy = _texts("gold")
    external_id = line(255, 1)
    number = fields.Integer(validate=validate.Range(min=1, max=2**62))
    created_after = Timestamp(metadata={"example": "2026-01-31T00:00:00Z"})
    created_before = Timestamp()
    updated_after = Timestamp()
    updated_before = Timestamp()
    due_before = Timestamp(metadata={"description": "Of those that are not over."})


class TicketViewSchema(StrictSchema):
    """How the tickets that match are shown."""

    sort = fields.Enum(TicketSort, by_value=True, load_default=TicketSort.NEWEST)
    fields_ = _CommaSeparated(
        _field,
        f"(?:{'|'.join(TicketSchema().fields)})",
        "id,number,subject,status",
        data_key="fields",
        load_default=None,
    )
