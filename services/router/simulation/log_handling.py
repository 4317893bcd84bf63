"""How long tickets of a log took, and how often they were handed on, by kind and agent.

A log says when things were done, not how long somebody worked on them. Two readings:

- `effort`: each act took the time since the same agent's act before, at most `gap_s` (after
  Nakatumba & van der Aalst, BPM workshops 2009). An agent does one thing at a time.
- `in_hand`: from when the last agent took the ticket until it was resolved, waiting for others and
  nights included. An agent has many tickets in hand.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean, pstdev
from typing import TypeVar

from services.router.simulation.log import LogRecord
from services.router.simulation.log_staff import category_of, slug

K = TypeVar("K")

#: What is usual counts as much as so many tickets of an agent's own.
PRIOR_TICKETS = 20.0
#: Nobody hands on everything.
MOST_HANDED_ON = 0.9


class Reading(StrEnum):
    """What counts as handling."""

    EFFORT = "effort"
    IN_HAND = "in_hand"


@dataclass(frozen=True, slots=True)
class Sample:
    """One agent's share in a ticket; `seconds` is the handling of it if they resolved it."""

    kind: str
    team: str
    agent: str
    seconds: float
    handed_on: bool


def kind_of(record: LogRecord) -> str:
    """Return what handling times depend on beside the agent: team and category."""
    return f"{slug(record.group or '')}/{category_of(record)}"


def samples(records: Sequence[LogRecord], reading: Reading, gap_s: float) -> list[Sample]:
    """Return who took part in which ticket."""
    found = list(_efforts(records, gap_s) if reading is Reading.EFFORT else _in_hand(records))
    return [sample for sample in found if sample.seconds > 0]


def _efforts(records: Sequence[LogRecord], gap_s: float) -> Iterator[Sample]:
    acts: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for number, record in enumerate(records):
        for act in record.acts:
            acts[act.agent].append((act.at.timestamp(), number))
    work: dict[tuple[int, str], float] = defaultdict(float)
    for agent, times in acts.items():
        times.sort()
        before = -math.inf
        for at, number in times:
            # Nothing is known of the first act of a day; it is taken for an ordinary one.
            work[number, agent] += gap_s / 2 if at - before > gap_s else at - before
            before = at
    for (number, agent), seconds in work.items():
        yield _sample(records[number], agent, seconds)


def _in_hand(records: Sequence[LogRecord]) -> Iterator[Sample]:
    for record in records:
        for agent in {act.agent for act in record.acts}:
            first = min(act.at for act in record.acts if act.agent == agent)
            if record.resolved_at is not None and agent == record.agent:
                yield _sample(record, agent, (record.resolved_at - first).total_seconds())
            elif agent != record.agent:
                yield _sample(record, agent, 1.0)


def _sample(record: LogRecord, agent: str, seconds: float) -> Sample:
    handed_on = agent != record.agent
    return Sample(kind_of(record), slug(record.group or ""), agent, seconds, handed_on)


@dataclass(frozen=True, slots=True)
class Estimates:
    """Shrunk means and shares; somebody without tickets of a kind has what is usual for it.

    By kind: usual seconds and usual share handed on. By kind and agent: (tickets resolved, their
    mean seconds) and (stints, how many of them were handed on).
    """

    usual_s: Mapping[str, float]
    own: Mapping[tuple[str, str], tuple[int, float]]
    usual_handover: Mapping[str, float]
    stints: Mapping[tuple[str, str], tuple[int, int]]
    variation: float

    def mean_s(self, kind: str, agent: str) -> float:
        """Return the mean handling time, in seconds."""
        count, mean = self.own.get((kind, agent), (0, 0.0))
        usual = self.usual_s[kind]
        return (count * mean + PRIOR_TICKETS * usual) / (count + PRIOR_TICKETS)

    def handover(self, kind: str, agent: str) -> float:
        """Return the share of tickets that the agent hands on."""
        count, handed = self.stints.get((kind, agent), (0, 0))
        usual = self.usual_handover[kind]
        share = (handed + PRIOR_TICKETS * usual) / (count + PRIOR_TICKETS)
        return min(MOST_HANDED_ON, share)

    def count(self, kind: str, agent: str) -> int:
        """Return the tickets that the agent resolved."""
        return self.own.get((kind, agent), (0, 0.0))[0]


def estimate(found: Sequence[Sample], kinds: Mapping[str, str]) -> Estimates:
    """Shrink agents towards their kind, kinds towards their team, teams towards everything.

    `kinds` are those wanted, with their teams.
    """
    resolved = [sample for sample in found if not sample.handed_on]
    everything = fmean([sample.seconds for sample in resolved] or [1.0])
    by_team = _grouped((s.team, s.seconds) for s in resolved)
    by_kind = _grouped((s.kind, s.seconds) for s in resolved)
    handed_all = fmean([float(s.handed_on) for s in found] or [0.0])
    handed_kind = _grouped((s.kind, float(s.handed_on)) for s in found)
    usual = {
        kind: _shrunk(by_kind.get(kind, []), _shrunk(by_team.get(team, []), everything))
        for kind, team in kinds.items()
    }
    own = _grouped(((s.kind, s.agent), s.seconds) for s in resolved)
    stints = _grouped(((s.kind, s.agent), float(s.handed_on)) for s in found)
    result = Estimates(
        usual,
        {key: (len(values), fmean(values)) for key, values in own.items()},
        {kind: _shrunk(handed_kind.get(kind, []), handed_all) for kind in kinds},
        {key: (len(values), round(sum(values))) for key, values in stints.items()},
        1.0,
    )
    ratios = [s.seconds / result.mean_s(s.kind, s.agent) for s in resolved if s.kind in usual]
    return replace(result, variation=_variation(ratios))


def _grouped(pairs: Iterable[tuple[K, float]]) -> dict[K, list[float]]:
    found: dict[K, list[float]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


def _shrunk(values: Sequence[float], usual: float) -> float:
    return (sum(values) + PRIOR_TICKETS * usual) / (len(values) + PRIOR_TICKETS)


def _variation(ratios: Sequence[float]) -> float:
    """Return standard deviation over mean."""
    if len(ratios) < 2:
        return 1.0
    return min(3.0, pstdev(ratios) / fmean(ratios))
