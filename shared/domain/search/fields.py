"""The fields that a search can be narrowed by, and what values they take."""

from collections.abc import Iterable
from enum import StrEnum

from shared.domain.ticket import Channel, Priority, TicketStatus, TicketType

#: By name; None is any text.
FIELDS: dict[str, type[StrEnum] | None] = {
    "status": TicketStatus,
    "priority": Priority,
    "type": TicketType,
    "channel": Channel,
    "team": None,
    "tag": None,
    "category": None,
    "product": None,
    "assignee": None,
    "requester": None,
    "number": None,
}

#: Whose ticket it is, by id: nothing that can be written in a search, but the bound of a
#: requester's key.
OWNER = "owner"

#: Takes a time and a comparison.
CREATED = "created"

#: Values of one filter.
MAX_VALUES = 20


def checked(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return the values of a field's filter; raises ValueError that says what is wrong."""
    given = tuple(value.strip() for value in values)
    if not all(given):
        raise ValueError(f"{name}: a value is missing; write {name}:value or {name}:one,two.")
    if len(given) > MAX_VALUES:
        raise ValueError(f"{name}: {len(given)} values; {MAX_VALUES} are the most.")
    vocabulary = FIELDS[name]
    if vocabulary is not None:
        known = [member.value for member in vocabulary]
        for value in given:
            if value.casefold() not in known:
                shown = value[:50]
                raise ValueError(f"{name}: {shown!r} is none of {', '.join(known)}.")
    return given
