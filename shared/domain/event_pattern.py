"""Which events a subscriber wants: names of types, and patterns that end in `*`."""

from collections.abc import Iterable
from enum import StrEnum

from shared.domain.event import EventType, OperationalEventType

_TICKET_TYPES = frozenset(member.value for member in EventType)
_OPERATIONAL_TYPES = frozenset(member.value for member in OperationalEventType)

#: Every pattern, with the types that it stands for. `*` leaves out what is told about webhooks
#: themselves: a receiver that asked for everything about tickets expects a ticket in each event.
PATTERNS: dict[str, frozenset[str]] = {
    "*": _TICKET_TYPES,
    "ticket.*": _TICKET_TYPES,
    "webhook.*": _OPERATIONAL_TYPES,
    **{name: frozenset({name}) for name in sorted(_TICKET_TYPES | _OPERATIONAL_TYPES)},
}


def types_of(patterns: Iterable[str]) -> frozenset[str]:
    """Return the types that a list of patterns stands for; an empty list is `*`.

    A pattern of another release, which is not known here, stands for nothing.
    """
    wanted = list(patterns) or ["*"]
    return frozenset().union(*(PATTERNS.get(_text(each), frozenset()) for each in wanted))


def _text(pattern: str) -> str:
    return pattern.value if isinstance(pattern, StrEnum) else pattern
