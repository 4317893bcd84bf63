"""Who worked in a log: teams, skills, and when they were there."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from services.router.simulation.desk import Interval
from services.router.simulation.log import LogRecord
from services.router.simulation.week import merged

#: Resolved tickets of a category that make level 2, 3, 4 and 5; the first one makes level 1.
LEVELS = (3, 8, 20, 50)


@dataclass(frozen=True, slots=True)
class Member:
    """An agent of the log; `skills` are levels by category, `solved` how many tickets in all.

    Without `shifts` they are always there; `capacity` is at least how much they have in hand.
    """

    name: str
    teams: frozenset[str]
    skills: Mapping[str, int]
    solved: int
    shifts: tuple[Interval, ...] | None
    capacity: int = 1


def slug(name: str) -> str:
    """Return a name of the log as a key: `Category 55` becomes `category-55`."""
    return "-".join(name.lower().split()) or "none"


def category_of(record: LogRecord) -> str:
    """Return what a ticket is about, as a key."""
    return slug(record.category or "other")


def members(records: Sequence[LogRecord], start: datetime, gap_s: float) -> dict[str, Member]:
    """Return everybody who resolved tickets, by name.

    Somebody belongs to the teams for which they resolved, and has the skills of what they resolved.
    """
    teams: dict[str, set[str]] = defaultdict(set)
    solved: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        if record.agent and record.group:
            teams[record.agent].add(slug(record.group))
            solved[record.agent][category_of(record)] += 1
    days = _presence(records, start, gap_s)
    return {
        name: Member(
            name=name,
            teams=frozenset(teams[name]),
            skills={skill: _level(count) for skill, count in sorted(solved[name].items())},
            solved=solved[name].total(),
            shifts=days.get(name, ()),
        )
        for name in sorted(teams)
    }


def _presence(
    records: Sequence[LogRecord], start: datetime, gap_s: float
) -> dict[str, tuple[Interval, ...]]:
    """Return when people were there: each day (UTC) from their first act, and what led to it, on.

    A log says when people did something, not when they waited for something to do.
    """
    acts: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        for act in record.acts:
            second = (act.at - start).total_seconds()
            acts[act.agent][act.at.toordinal()].append(second)
    return {
        name: merged(
            (max(0.0, min(times) - gap_s), max(times)) for times in days.values() if max(times) > 0
        )
        for name, days in acts.items()
    }


def _level(count: int) -> int:
    return 1 + sum(count >= needed for needed in LEVELS)


def in_hand(records: Sequence[LogRecord], share: float = 0.9) -> dict[str, int]:
    """Return how many tickets each agent had in hand, at most, in a share of their busy time."""
    changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for record in records:
        if record.agent is None or record.resolved_at is None:
            continue
        first = min((act.at for act in record.acts if act.agent == record.agent), default=None)
        if first is not None and first < record.resolved_at:
            changes[record.agent] += [(first.timestamp(), 1), (record.resolved_at.timestamp(), -1)]
    return {agent: _quantile(sorted(steps), share) for agent, steps in changes.items()}


def _quantile(steps: Sequence[tuple[float, int]], share: float) -> int:
    """Return the count that is not exceeded in a share of the time in which it is above 0."""
    lasted: Counter[int] = Counter()
    count = 0
    for (at, change), (until, _) in pairwise(steps):
        count += change
        if count:
            lasted[count] += round(until - at)
    passed = 0
    for value, seconds in sorted(lasted.items()):
        passed += seconds
        if passed >= share * lasted.total():
            return value
    return 1
