"""One clock: how much working time a metric has used, and when it falls due."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.sla.metric import Metric, Move
from shared.domain.sla.policy import Policy
from shared.domain.working_time import OutsideHorizon

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Clock:
    """A measurement under way, standing still or over; each method returns the clock afterwards.

    `worked` is the working time up to `running_since`, which is None while it stands still.
    `due_at` is None while nobody can say: it stands still, has no target, or its calendar has no
    hours. Once breached, it stays the moment of the breach. `warn_at` is when a warning is to be
    given next.
    """

    metric: Metric
    target: timedelta | None
    started_at: datetime
    worked: timedelta = _NONE
    running_since: datetime | None = None
    warn_at: datetime | None = None
    due_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    fulfilled_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether it is still to be fulfilled; it may stand still."""
        return self.fulfilled_at is None and self.cancelled_at is None

    @property
    def next_at(self) -> datetime | None:
        """When it gives its next warning or is breached; None if it does not by itself."""
        if self.running_since is None or self.breached_at is not None:
            return None
        return self.warn_at or self.due_at

    def worked_until(self, at: datetime, policy: Policy) -> timedelta:
        """Return the working time used until a moment."""
        if self.running_since is None:
            return self.worked
        return self.worked + policy.hours.worked(self.running_since, at)

    def run(self, at: datetime, policy: Policy) -> "Clock":
        """Let it count from a moment on, and say when it falls due."""
        if self.breached_at is not None:
            return replace(self, running_since=at)
        due, warn = self.projected(at, policy), None
        if due is not None and self.target is not None and self.warned_at is None:
            warn = self._after(at, self.target * policy.warn_share, policy)
            warn = warn if warn is not None and warn < due else None
        return replace(self, running_since=at, warn_at=warn, due_at=due)

    def projected(self, at: datetime, policy: Policy) -> datetime | None:
        """Return when it would fall due if it counted from a moment on."""
        return None if self.target is None else self._after(at, self.target, policy)

    def _after(self, at: datetime, share: timedelta, policy: Policy) -> datetime | None:
        """Return when `share` will have been used; at once if it has been, None if never."""
        try:
            return policy.hours.add(at, max(share - self.worked, _NONE))
        except OutsideHorizon:
            return None

    def halt(self, at: datetime, policy: Policy) -> "Clock":
        """Let it stand still from a moment on."""
        return replace(
            self,
            worked=self.worked_until(at, policy),
            running_since=None,
            warn_at=None,
            due_at=self.due_at if self.breached_at is not None else None,
        )

    def fulfil(self, at: datetime, policy: Policy) -> "Clock":
        """End it well; `due_at` stays, for the record."""
        return replace(self.halt(at, policy), due_at=self.due_at, fulfilled_at=at)

    def cancel(self, at: datetime, policy: Policy) -> "Clock":
        """End it without a result."""
        return replace(self.halt(at, policy), cancelled_at=at)

    def revive(self) -> "Clock":
        """Undo its end: it stands still and has used what it had used."""
        due_at = self.due_at if self.breached_at is not None else None
        return replace(self, due_at=due_at, fulfilled_at=None, cancelled_at=None)

    def retarget(self, at: datetime, target: timedelta | None, policy: Policy) -> "Clock":
        """Give it another target or policy; warning and breach are judged anew by it.

        The stretch under way is counted by the hours of `policy`, those that hold now; what was
        counted before the last pause stays as it was.
        """
        worked = self.worked_until(at, policy)
        over = target is not None and worked >= target
        warned = target is not None and worked >= target * policy.warn_share
        aimed = replace(
            self,
            target=target,
            worked=worked,
            running_since=None,
            warn_at=None,
            due_at=self.due_at if over and self.breached_at is not None else None,
            warned_at=self.warned_at if warned else None,
            breached_at=self.breached_at if over else None,
        )
        return aimed if self.running_since is None else aimed.run(at, policy)

    def elapse(self, at: datetime) -> tuple["Clock", tuple[Move, ...]]:
        """Let time pass: return the clock and whether it warned, was breached, or both."""
        clock, moves = self, tuple[Move, ...]()
        if clock.next_at is None or clock.next_at > at:
            return clock, moves
        if clock.warn_at is not None and clock.warn_at <= at:
            clock = replace(clock, warned_at=clock.warn_at, warn_at=None)
            moves += (Move.WARN,)
        if clock.due_at is not None and clock.due_at <= at:
            clock = replace(clock, breached_at=clock.due_at, warn_at=None)
            moves += (Move.BREACH,)
        return clock, moves
