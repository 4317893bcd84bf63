"""Common random numbers: every profile meets the same luck.

By start (the usual way): the k-th ticket that a team starts takes the team's k-th draw, whichever
ticket it is. Then the pooled replay bound holds path by path. By ticket: each ticket brings its own
draw along; then the hindsight program holds path by path. In the mean over seeds both are the same
for every policy that does not know handling times beforehand.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random

from services.router.simulation.desk import Job
from services.router.simulation.laws import Law, stream


class DrawsBy(StrEnum):
    """What a draw of handling time belongs to."""

    START = "start"
    TICKET = "ticket"


class Draws:
    """The draws of one run: factors of mean 1 for handling, uniform numbers for handing over."""

    def __init__(self, law: Law, seed: int, by: DrawsBy, jobs: Sequence[Job]) -> None:
        self._law = law
        self._seed = seed
        self._samplers: dict[str, Callable[[], float]] = {}
        self._by_ticket = by_ticket(law, seed, jobs) if by is DrawsBy.TICKET else None
        self._repeats = law.sampler(stream(seed, "repeats"))
        self.handover: Random = stream(seed, "handover")

    def first(self, job: Job) -> float:
        """Return the factor for a ticket that is started for the first time."""
        if self._by_ticket is not None:
            return self._by_ticket[job.number]
        sampler = self._samplers.get(job.block)
        if sampler is None:
            sampler = self._samplers[job.block] = by_start(self._law, self._seed, job.block)
        return sampler()

    def repeated(self) -> float:
        """Return the factor for a ticket that somebody handed on."""
        return self._repeats()


def by_start(law: Law, seed: int, block: str) -> Callable[[], float]:
    """Return what gives the factors of a team's first, second, … start."""
    return law.sampler(stream(seed, f"service/{block}"))


def by_ticket(law: Law, seed: int, jobs: Sequence[Job]) -> list[float]:
    """Return the factor of each ticket."""
    sampler = law.sampler(stream(seed, "service"))
    return [sampler() for _ in jobs]
