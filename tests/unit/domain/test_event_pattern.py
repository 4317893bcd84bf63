"""Patterns stand for types."""

import pytest

from shared.domain.event import EventType, OperationalEventType
from shared.domain.event_pattern import PATTERNS, types_of

TICKETS = frozenset(EventType)
OPERATIONAL = frozenset(OperationalEventType)


@pytest.mark.parametrize(
    ("patterns", "types"),
    [
        ([], TICKETS),
        (["*"], TICKETS),
        (["ticket.*"], TICKETS),
        (["webhook.*"], OPERATIONAL),
        (["*", "webhook.*"], TICKETS | OPERATIONAL),
        (["ticket.created"], {"ticket.created"}),
        (["ticket.created", "webhook.disabled"], {"ticket.created", "webhook.disabled"}),
        (["ticket.invented"], set()),
        (["ticket.invented", "ticket.closed"], {"ticket.closed"}),
    ],
)
def test_a_list_of_patterns_stands_for_types(patterns: list[str], types: set[str]) -> None:
    assert types_of(patterns) == types


def test_every_type_is_a_pattern_of_itself() -> None:
    for name in TICKETS | OPERATIONAL:
        assert PATTERNS[name] == {name}
