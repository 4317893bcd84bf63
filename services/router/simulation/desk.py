"""What is simulated: tickets that arrive, agents who handle them, and how long that takes.

Times are seconds since `World.start`. Tickets and agents are the router's own `Subject` and
`Candidate`, so that what decides in production decides here.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from services.router.model import Candidate, Performance, Subject
from services.router.simulation.laws import Law

Interval = tuple[float, float]


class Sla(StrEnum):
    """What has to happen before a ticket's target is over."""

    START = "start"
    RESOLUTION = "resolution"


@dataclass(frozen=True)
class Roster:
    """Working hours as ascending intervals that do not touch; a `Shift` to the router."""

    start: datetime
    intervals: tuple[Interval, ...]

    @cached_property
    def _begins(self) -> list[float]:
        return [begin for begin, _ in self.intervals]

    def on(self, now: datetime) -> bool:
        """Tell whether the moment is working time."""
        return self.left(now) is not None

    def left(self, now: datetime) -> timedelta | None:
        """Return how long the present working time lasts; None outside of it."""
        second = (now - self.start).total_seconds()
        position = bisect_right(self._begins, second) - 1
        if position < 0 or second >= self.intervals[position][1]:
            return None
        return timedelta(seconds=self.intervals[position][1] - second)

    def next_start(self, now: datetime) -> datetime | None:
        """Return when working time begins next; None after the last."""
        position = bisect_right(self._begins, (now - self.start).total_seconds())
        if position == len(self._begins):
            return None
        return self.start + timedelta(seconds=self._begins[position])


@dataclass(frozen=True, slots=True)
class Worker:
    """An agent at the beginning, without work; `shifts` is None for somebody who always works."""

    candidate: Candidate
    shifts: tuple[Interval, ...] | None = None

    @property
    def id(self) -> str:
        """The agent's id."""
        return self.candidate.id

    def available_s(self, until: float) -> float:
        """Return the seconds of work that fit before `until`, capacity counted."""
        shifts = ((0.0, until),) if self.shifts is None else self.shifts
        worked = sum(max(0.0, min(end, until) - max(0.0, begin)) for begin, end in shifts)
        return worked * self.candidate.capacity


@dataclass(frozen=True, slots=True)
class Job:
    """A ticket that arrives at second `at`.

    `kind` names what handling times depend on; `target_s` is what the SLA allows from arrival to
    start or resolution, whichever the world counts.
    """

    number: int
    at: float
    kind: str
    subject: Subject
    target_s: float

    @property
    def block(self) -> str:
        """The part of the desk that it belongs to: its team."""
        return self.subject.need.team or ""


class Source(Protocol):
    """Where tickets come from; the same seed gives the same tickets."""

    def jobs(self, seed: int) -> Sequence[Job]:
        """Return the tickets of a run in the order of their arrival, numbered from 0."""
        ...


@dataclass(frozen=True, slots=True)
class Handling:
    """How long tickets take, and how often they are handed on, by kind and agent id.

    `means` holds mean seconds for everybody who may serve a kind, `handover` probabilities from 0
    to below 1; `law` gives the draws, of mean 1, that means are multiplied by.
    """

    means: Mapping[str, Mapping[str, float]]
    law: Law
    handover: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def servers(self, kind: str) -> frozenset[str]:
        """Return who may serve a kind."""
        return frozenset(self.means[kind])

    def usual(self, kind: str) -> float:
        """Return the mean over everybody who may serve a kind, in seconds."""
        means = self.means[kind].values()
        return sum(means) / len(means)


@dataclass(frozen=True, slots=True)
class World:
    """A desk and its work, ready to be simulated.

    Tickets that arrive before `warm_up_s` are handled but not counted; arrivals end at `horizon_s`
    and everything that can be served is served. `usual` is what the router knows as usual.
    """

    title: str
    start: datetime
    horizon_s: float
    workers: tuple[Worker, ...]
    source: Source
    handling: Handling
    warm_up_s: float = 0.0
    sla: Sla = Sla.RESOLUTION
    usual: Mapping[str, Performance] = field(default_factory=dict)
    poisson_rates: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()

    def moment(self, second: float) -> datetime:
        """Return the moment at a second of the simulation."""
        return self.start + timedelta(seconds=second)
