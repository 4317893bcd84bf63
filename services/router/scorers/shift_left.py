"""Prefers whoever stays longest, or, if wished, whoever leaves soonest."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer


class ShiftLeft(Scorer):
    """What is left of the shift as a share of `full_s` seconds, at most 1.

    Who has no working hours never leaves. `least` turns it around, to use up people's time before
    they go. Who is off shift has 0 either way. ServiceNow has both (AWA, shift handling).
    """

    name = "shift_left"

    def __init__(self, full_s: float = 28_800.0, *, least: bool = False) -> None:
        if not full_s > 0:
            raise ValueError(f"full_s is {full_s!r}; it must be above 0")
        self._full_s = full_s
        self._least = least

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return how much of the candidate's shift is left, or how little."""
        share = 1.0
        if candidate.shift is not None:
            left = candidate.shift.left(context.now)
            if left is None:
                return 0.0
            share = min(1.0, max(0.0, left.total_seconds() / self._full_s))
        return 1.0 - share if self._least else share
