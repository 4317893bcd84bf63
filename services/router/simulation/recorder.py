"""Keeps what happens in a run, ticket by ticket and agent by agent."""

from collections.abc import Iterable, Sequence

import numpy as np

from services.router.simulation.desk import Job, World
from services.router.simulation.outcome import Floats, Outcome


class Recorder:
    """Arrays that fill while a run goes on."""

    def __init__(self, world: World, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._horizon_s = world.horizon_s
        self._wait = np.full(len(jobs), np.nan)
        self._system = np.full(len(jobs), np.nan)
        self._handovers = np.zeros(len(jobs), dtype=np.int64)
        self._busy = {worker.id: 0.0 for worker in world.workers}
        self._served = {worker.id: 0 for worker in world.workers}

    def started(self, job: Job, agent_id: str, now: float, end: float, weight: int) -> None:
        """Count work on a ticket; its wait ends with the first."""
        if np.isnan(self._wait[job.number]):
            self._wait[job.number] = now - job.at
        self._busy[agent_id] += max(0.0, min(end, self._horizon_s) - now) * weight

    def was_started(self, job: Job) -> bool:
        """Tell whether somebody worked on a ticket before."""
        return not np.isnan(self._wait[job.number])

    def resolved(self, job: Job, agent_id: str, now: float) -> None:
        """Count a ticket that is done."""
        self._served[agent_id] += 1
        self._system[job.number] = now - job.at

    def handed_on(self, job: Job) -> None:
        """Count a ticket that somebody else has to take."""
        self._handovers[job.number] += 1

    def outcome(self, decisions: int, faults: tuple[str, ...]) -> Outcome:
        """Return what came out."""
        jobs = self._jobs
        return Outcome(
            arrived_s=_array(job.at for job in jobs),
            wait_s=self._wait,
            system_s=self._system,
            target_s=_array(job.target_s for job in jobs),
            handovers=self._handovers,
            kinds=tuple(job.kind for job in jobs),
            blocks=tuple(job.block for job in jobs),
            busy_s=self._busy,
            served=self._served,
            decisions=decisions,
            faults=faults,
        )


def _array(values: Iterable[float]) -> Floats:
    return np.fromiter(values, dtype=np.float64)
