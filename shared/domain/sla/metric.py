"""What is measured, and what can happen to a measurement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Metric(StrEnum):
    """What a service level promises a time for.

    first_response: from the ticket to the first public reply of an agent. next_response: from a
    requester's answer that nobody replied to yet, to the reply. resolution: from the ticket to its
    solution. (The metrics of Zendesk's ticket metric events: reply time, next reply time,
    resolution time.)
    """

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"


#: In the order in which clocks are gone through; an enum is slow to iterate over.
METRICS = tuple(Metric)


class Move(StrEnum):
    """What happens to a clock.

    start: it begins to count. set: it has another target, policy or version of it from now on.
    pause, resume: it stands still, it goes on. warn: most of the target is used up. breach: all of
    it is. fulfil: what was promised was done. cancel: it is no longer wanted.
    """

    START = "start"
    SET = "set"
    PAUSE = "pause"
    RESUME = "resume"
    WARN = "warn"
    BREACH = "breach"
    FULFIL = "fulfil"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class MetricEvent:
    """One thing that happened to a clock, at its own moment; `due_at` as it is afterwards.

    `worked` is the working time that a clock has used which comes to a stand. `target`, `policy`
    and `version` say what holds from now on; only `start` and `set` have them.
    """

    metric: Metric
    move: Move
    at: datetime
    due_at: datetime | None
    worked: timedelta | None = None
    target: timedelta | None = None
    policy: str | None = None
    version: int | None = None
