"""How an endpoint has been lately: what the notifier keeps of it and everybody may read.

Three things that look alike are kept apart. A *pause* is what the receiver asked for. The *breaker*
is our own rest from a receiver that fails, over in minutes. The *streak* is how long nothing at all
got through; it ends in a disabled subscription, after days and after warnings.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EndpointState(StrEnum):
    """An endpoint in one word.

    healthy: what was sent last was taken. failing: it was not, and more is sent by the schedule.
    paused: the receiver asked for time. open: it rests after failures. half_open: one delivery is
    on its way, or will be, to see whether it is back.
    """

    HEALTHY = "healthy"
    FAILING = "failing"
    PAUSED = "paused"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one endpoint; the defaults are those of one that nobody has tried.

    `blocked_until` is the latest of the three moments below it: nothing is sent before. `opens`
    counts how often the breaker opened without a success in between, `failures_in_row` what leads
    to it; the window counts attempts since its first failure. `failing_since`, `failures` and
    `last_failure_at` are the streak, `warned` how many of its steps the owner was told of.
    `tokens` are what the rate limit leaves at `tokens_at`. `stale` says that an outage is over
    whose backlog was not looked at yet.
    """

    blocked_until: datetime | None = None
    paused_until: datetime | None = None
    open_until: datetime | None = None
    rate_until: datetime | None = None
    opened_at: datetime | None = None
    opens: int = 0
    failures_in_row: int = 0
    window_began_at: datetime | None = None
    window_attempts: int = 0
    window_failures: int = 0
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None
    failures: int = 0
    warned: int = 0
    last_error: str | None = None
    last_success_at: datetime | None = None
    tokens: float = 0.0
    tokens_at: datetime | None = None
    stale: bool = False

    @property
    def clean(self) -> bool:
        """Whether a success would change nothing but `last_success_at`."""
        return (
            self.open_until is None
            and self.failing_since is None
            and not self.failures_in_row
            and self.window_began_at is None
        )

    def state(self, now: datetime) -> EndpointState:
        """Say in one word how it is at a moment."""
        if self.open_until is not None:
            return EndpointState.OPEN if self.open_until > now else EndpointState.HALF_OPEN
        if self.paused_until is not None and self.paused_until > now:
            return EndpointState.PAUSED
        failing = self.failures_in_row or self.failing_since is not None
        return EndpointState.FAILING if failing else EndpointState.HEALTHY
