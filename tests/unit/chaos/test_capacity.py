"""More than the capacity is seen also when it is over, and by nothing but the order of commits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.chaos.checker import Rule, Witness, violations
from services.chaos.facts import AgentFact, AssignmentFact, Facts

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOBODY = Witness(frozenset(), frozenset(), {}, [])


def held(ticket: str, from_commit: int | None, to_commit: int | None) -> AssignmentFact:
    """An assignment that is over, on a clock that leapt back while it was there."""
    over_at = NOON - timedelta(seconds=3)
    return AssignmentFact(ticket, "agt", 1, NOON, over_at, True, from_commit, to_commit)


def broken(*assignments: AssignmentFact, overcommit: int = 0) -> set[Rule]:
    load = sum(each.weight for each in assignments if each.ended_at is None)
    agent = AgentFact("agt", True, load, 2, 2 + overcommit, {})
    facts = Facts([], [agent], assignments, [], frozenset(), {})
    return {each.rule for each in violations(facts, NOBODY)}


ONE, TWO, THREE = held("a", 1, 5), held("b", 2, 6), held("c", 3, 7)


def test_three_at_once_are_too_many_for_two_also_when_they_are_gone() -> None:
    assert broken(ONE, TWO, THREE) == {Rule.OVER_CAPACITY}
    assert broken(ONE, TWO, replace(THREE, ended_at=None, to_commit=None)) == {Rule.OVER_CAPACITY}
    assert broken(ONE, TWO, THREE, overcommit=1) == set()


def test_a_heavy_one_alone_is_too_much() -> None:
    assert broken(replace(ONE, weight=3)) == {Rule.OVER_CAPACITY}


@pytest.mark.parametrize(
    "third",
    [held("c", 6, 7), held("c", 5, 7), held("c", None, 7), held("c", 3, None), held("c", 3, 3)],
    ids=["later", "in the same commit", "no beginning known", "no end known", "restored"],
)
def test_what_follows_or_is_not_known_accuses_nobody(third: AssignmentFact) -> None:
    assert broken(ONE, TWO, third) == set()
