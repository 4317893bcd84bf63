"""The clocks of a ticket, moved by facts: values in, values out.

Clocks depend on facts alone and not on when somebody looked: a warning and a breach have the moment
at which they fell due, however late they are noticed, and nothing is different if time is looked
at a hundred times between two facts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.domain.sla.clock import Clock
from shared.domain.sla.fact import DONE, VOID, Fact, Said
from shared.domain.sla.metric import METRICS, Metric, MetricEvent, Move


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a ticket, and the policy and version that they were set by last."""

    policy: str
    version: int
    by_metric: Mapping[Metric, Clock]

    @property
    def next_at(self) -> datetime | None:
        """When the next warning or breach is due; None if none is."""
        moments = [clock.next_at for clock in self.by_metric.values()]
        return min((moment for moment in moments if moment is not None), default=None)


def begin(fact: Fact) -> tuple[Clocks, list[MetricEvent]]:
    """Start the clocks of a new ticket; return them and what happened."""
    return advance(Clocks(fact.policy.name, fact.policy.version, {}), fact)


def advance(clocks: Clocks, fact: Fact) -> tuple[Clocks, list[MetricEvent]]:
    """Move clocks by a fact, which is not older than the last; return them and what happened."""
    moving = _Moving(clocks, fact)
    moving.elapse()
    moving.set_anew()
    moving.begin_and_end()
    moving.pause_and_resume()
    moving.elapse()
    return moving.result(), moving.events


def recompute(facts: Iterable[Fact]) -> tuple[Clocks, list[MetricEvent]]:
    """Return the clocks and all their events from the first fact on; there must be one."""
    each = iter(facts)
    clocks, events = begin(next(each))
    for fact in each:
        clocks, more = advance(clocks, fact)
        events += more
    return clocks, events


class _Moving:
    """One fact at work on the clocks of a ticket; collects the events.

    Clocks are gone through in the order of `Metric`: that of a stored document may be another.
    """

    def __init__(self, before: Clocks, fact: Fact) -> None:
        self.fact = fact
        self.events: list[MetricEvent] = []
        self._before = before
        self._clocks = dict(before.by_metric)
        self._other_policy = (before.policy, before.version) != (
            fact.policy.name,
            fact.policy.version,
        )

    def result(self) -> Clocks:
        """Return the clocks; the policy is another only if a clock was there to be set by it."""
        before, policy = self._before, self.fact.policy
        over = before.by_metric and not any(
            clock.live for clock in (*before.by_metric.values(), *self._live())
        )
        name, version = (before.policy, before.version) if over else (policy.name, policy.version)
        return Clocks(name, version, self._clocks)

    def elapse(self) -> None:
        """Let time pass up to the fact; what it brought is told in the order of its moments."""
        found = []
        for metric in self._metrics():
            clock, moves = self._clocks[metric].elapse(self.fact.at)
            self._clocks[metric] = clock
            for move in moves:
                at = clock.warned_at if move is Move.WARN else clock.breached_at
                assert at is not None  # noqa: S101 -- it has just happened
                found.append(MetricEvent(metric, move, at, clock.due_at))
        self.events += sorted(found, key=lambda event: event.at)

    def set_anew(self) -> None:
        """Set live clocks for which another target, policy or version holds now."""
        for clock in self._live():
            self._set_anew(clock)

    def begin_and_end(self) -> None:
        """Start, fulfil, cancel and bring back clocks as the ticket now stands."""
        status, said = self.fact.status, self.fact.said
        done, void = status in DONE, status in VOID
        for metric in METRICS:
            clock = self._clocks.get(metric)
            if clock is None:
                if metric is not Metric.NEXT_RESPONSE:
                    self._start(metric)
            elif not (done or void) and self._comes_back(clock):
                self._revive(clock)
        answered = self._clocks[Metric.FIRST_RESPONSE].fulfilled_at is not None
        following = self._clocks.get(Metric.NEXT_RESPONSE)
        open_question = following is not None and following.live
        if said is Said.ANSWER and answered and not (open_question or done or void):
            self._start(Metric.NEXT_RESPONSE)
        for clock in self._live():
            replied = said is Said.REPLY and clock.metric is not Metric.RESOLUTION
            if replied or done:
                self._end(clock, Move.FULFIL)
            elif void:
                self._end(clock, Move.CANCEL)

    def pause_and_resume(self) -> None:
        """Let clocks stand still in the statuses that their policy says, and run in others."""
        at, policy = self.fact.at, self.fact.policy
        for clock in self._live():
            paused = policy.pausing(clock.metric, self.fact.status)
            if paused and clock.running_since is not None:
                self._tell(clock.halt(at, policy), Move.PAUSE)
            elif not paused and clock.running_since is None:
                self._tell(clock.run(at, policy), Move.RESUME)

    def _metrics(self) -> list[Metric]:
        return [metric for metric in METRICS if metric in self._clocks]

    def _live(self) -> list[Clock]:
        return [self._clocks[metric] for metric in self._metrics() if self._clocks[metric].live]

    @staticmethod
    def _comes_back(clock: Clock) -> bool:
        """Tell whether a clock that ended goes on because the ticket does.

        A solution that did not hold is none; but a reply was given, whatever came after.
        """
        resolved = clock.metric is Metric.RESOLUTION and clock.fulfilled_at is not None
        return resolved or clock.cancelled_at is not None

    def _start(self, metric: Metric) -> None:
        at, policy = self.fact.at, self.fact.policy
        clock = Clock(metric, policy.target(self.fact.priority, metric), at)
        self._tell(clock.run(at, policy), Move.START)

    def _revive(self, clock: Clock) -> None:
        revived = self._set_anew(clock.revive())
        self._tell(revived.run(self.fact.at, self.fact.policy), Move.RESUME)

    def _set_anew(self, clock: Clock) -> Clock:
        at, policy = self.fact.at, self.fact.policy
        target = policy.target(self.fact.priority, clock.metric)
        if target != clock.target or self._other_policy:
            clock = clock.retarget(at, target, policy)
            self._tell(clock, Move.SET)
        return clock

    def _end(self, clock: Clock, move: Move) -> None:
        end = clock.fulfil if move is Move.FULFIL else clock.cancel
        self._tell(end(self.fact.at, self.fact.policy), move)

    def _tell(self, clock: Clock, move: Move) -> None:
        """Keep a clock that moved, and tell of it."""
        self._clocks[clock.metric] = clock
        metric, at, due = clock.metric, self.fact.at, clock.due_at
        if move in (Move.START, Move.SET):
            policy, version = self.fact.policy.name, self.fact.policy.version
            event = MetricEvent(
                metric, move, at, due, target=clock.target, policy=policy, version=version
            )
        elif move is Move.RESUME:
            event = MetricEvent(metric, move, at, due)
        else:
            event = MetricEvent(metric, move, at, due, clock.worked)
        self.events.append(event)
