"""One finished attempt, as far as the endpoint as a whole is concerned."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What an attempt says about its endpoint.

    delivered: it is well. failed: no answer, or one that says that the receiver is in trouble.
    refused: the receiver is up and says no (a 4xx), which seldom mends itself within seconds.
    throttled: it is up and wants less (429). nothing: the fault was ours.
    """

    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    THROTTLED = "throttled"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Report:
    """An attempt: its verdict, when it was leased and when it ended, and why it failed.

    `wait_s` is the wait that the receiver asked for, in seconds and as it was sent.
    """

    verdict: Verdict
    started_at: datetime
    ended_at: datetime
    reason: str = ""
    wait_s: int | None = None
