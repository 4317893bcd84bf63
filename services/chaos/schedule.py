"""When what is done to which process: seconds, a seed and names in, a plan out."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

#: The time between two strikes, in seconds; a process that was killed needs some to start.
LEAST_S, MOST_S = 4.0, 9.0
#: Traffic runs for so long before the first strike.
FIRST_S = 1.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One strike, `at_s` seconds after the traffic began."""

    at_s: float
    process: str
    nemesis: str

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.process} {self.nemesis}"


def plan(
    seed: int, length_s: float, processes: Sequence[str], nemeses: Sequence[str]
) -> list[Planned]:
    """Return the strikes of a run in order, at least one; the same for the same arguments.

    Each nemesis strikes each process once before any strikes again.
    """
    rng = random.Random(f"{seed}/schedule")  # noqa: S311 -- a run that can be repeated
    planned: list[Planned] = []
    due: list[tuple[str, str]] = []
    at_s = FIRST_S
    while not planned or at_s < length_s:
        if not due:
            due = rng.sample([*product(processes, nemeses)], len(processes) * len(nemeses))
        planned.append(Planned(round(at_s, 3), *due.pop()))
        at_s += rng.uniform(LEAST_S, MOST_S)
    return planned
