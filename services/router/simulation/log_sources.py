"""Tickets of a log: at their own times, or drawn at random."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.router.simulation.desk import Job
from services.router.simulation.laws import stream


@dataclass(frozen=True, slots=True)
class LoggedSource:
    """The tickets of a log at their own times, whatever the seed."""

    fixed: tuple[Job, ...]

    def jobs(self, seed: int) -> Sequence[Job]:
        """Return the tickets."""
        return self.fixed


@dataclass(frozen=True, slots=True)
class ResampledSource:
    """Tickets of a log drawn at random, at Poisson times."""

    drawn_from: tuple[Job, ...]
    start: datetime
    rate: float
    horizon_s: float

    def jobs(self, seed: int) -> Sequence[Job]:
        """Return the tickets of a run."""
        chance = stream(seed, "arrivals")
        found: list[Job] = []
        at = chance.expovariate(self.rate)
        while at < self.horizon_s:
            model = chance.choice(self.drawn_from)
            shift = timedelta(seconds=at - model.at)
            subject = replace(
                model.subject,
                id=f"{model.subject.id}~{len(found)}",
                created_at=model.subject.created_at + shift,
                due_at=model.subject.due_at + shift,
            )
            found.append(replace(model, number=len(found), at=at, subject=subject))
            at += chance.expovariate(self.rate)
        return found
