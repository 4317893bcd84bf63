"""What one run says: waits, service levels, fairness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.router.simulation.desk import Sla, World
from services.router.simulation.outcome import Floats, Outcome

#: Points of the distribution of waits that are kept for plots: shares from 0 to 1.
SHARES = np.linspace(0.0, 1.0, 201)
#: Pieces of the time axis.
PIECES = 24


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures of one run, of tickets that arrived after the warm-up; times in seconds.

    `values` are by name, `groups` by team or class and then by name, `utilisation` by agent.
    `waits` are quantiles at `SHARES`; `on_time` and `arrived` are by piece of the time axis.
    `mean_wait_all` is over all tickets, warm-up included, for bounds that count all.
    """

    values: Mapping[str, float]
    groups: Mapping[str, Mapping[str, float]]
    utilisation: Mapping[str, float]
    waits: Floats
    on_time: Floats
    arrived: Floats
    mean_wait_all: float
    tickets: int
    decisions: int
    faults: tuple[str, ...]


def measure(world: World, outcome: Outcome) -> Measures:
    """Return the figures of a run."""
    counted = outcome.arrived_s >= world.warm_up_s
    on_time = _on_time(world, outcome)
    utilisation = {
        worker.id: outcome.busy_s[worker.id] / available
        for worker in world.workers
        if (available := worker.available_s(world.horizon_s)) > 0
    }
    names = _groups(outcome)
    labels = np.array(names)
    groups = {
        name: _levels(outcome, on_time, counted & (labels == name)) for name in sorted(set(names))
    }
    values = _levels(outcome, on_time, counted)
    values["utilisation"] = sum(outcome.busy_s.values()) / max(
        1e-9, sum(worker.available_s(world.horizon_s) for worker in world.workers)
    )
    values["fairness"] = jain(list(utilisation.values()))
    started = outcome.wait_s[counted & ~np.isnan(outcome.wait_s)]
    edges = np.linspace(world.warm_up_s, world.horizon_s, PIECES + 1)
    return Measures(
        values=values,
        groups=groups,
        utilisation=utilisation,
        waits=np.quantile(started, SHARES) if started.size else np.full(SHARES.shape, np.nan),
        on_time=np.histogram(outcome.arrived_s[counted & on_time], edges)[0].astype(float),
        arrived=np.histogram(outcome.arrived_s[counted], edges)[0].astype(float),
        mean_wait_all=outcome.mean_wait_s,
        tickets=int(counted.sum()),
        decisions=outcome.decisions,
        faults=outcome.faults,
    )


def jain(shares: Sequence[float]) -> float:
    """Return Jain's index: 1 if all are equally busy, 1 / n if one does everything.

    Jain, Chiu & Hawe, DEC Research Report TR-301, 1984.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def _on_time(world: World, outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return by ticket whether the target was met; what was never served missed it."""
    taken = outcome.wait_s if world.sla is Sla.START else outcome.system_s
    return np.asarray(np.nan_to_num(taken, nan=np.inf) <= outcome.target_s)


def _groups(outcome: Outcome) -> tuple[str, ...]:
    """Return by ticket what results are broken down by: teams if there are some, else classes."""
    return outcome.blocks if len(set(outcome.blocks)) > 1 else outcome.kinds


def _levels(
    outcome: Outcome,
    on_time: np.ndarray[tuple[int], np.dtype[np.bool_]],
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> dict[str, float]:
    waits = outcome.wait_s[chosen]
    started = waits[~np.isnan(waits)]
    system = outcome.system_s[chosen]
    system = system[~np.isnan(system)]
    count = int(chosen.sum())
    quantiles = np.quantile(started, (0.5, 0.9, 0.95, 0.99)) if started.size else [np.nan] * 4
    return {
        "tickets": float(count),
        "mean_wait_s": float(started.mean()) if started.size else np.nan,
        "p50_wait_s": float(quantiles[0]),
        "p90_wait_s": float(quantiles[1]),
        "p95_wait_s": float(quantiles[2]),
        "p99_wait_s": float(quantiles[3]),
        "mean_system_s": float(system.mean()) if system.size else np.nan,
        "sla": float(on_time[chosen].mean()) if count else np.nan,
        "reassignments": float(outcome.handovers[chosen].sum()) / count if count else np.nan,
        "unserved": float(count - started.size),
    }
