"""Findings as one plain document: what `--json` writes, and what table and page show."""

import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from services.router.simulation.desk import World
from services.router.simulation.experiment import HINDSIGHT, POOLED, Findings, above
from services.router.simulation.intervals import Interval, interval, paired
from services.router.simulation.measures import SHARES, Measures
from services.router.simulation.shadow import SkillPrice

#: What each bound is, and how far below the truth it may lie.
ABOUT = {
    POOLED: (
        "The same arrivals and draws through one queue for each team, in which everybody could do "
        "everything at the speed of the fastest. Loose where skills or speeds differ much."
    ),
    HINDSIGHT: (
        "The best schedule if all tickets and handling times had been known, with interruptions "
        "allowed. What lies above it is regret and the price of not knowing, mixed."
    ),
    "class partition": (
        "Classes split into parts that are pooled each for itself, in the long run. Loose with few "
        "agents and one-sided skills."
    ),
    "first come, longest idle": (
        "Exact long-run wait of first come first served by the longest idle agent: an anchor, "
        "which good policies beat."
    ),
    "exact optimum": (
        "The least long-run wait of any policy that does not know handling times. Exact, so a "
        "policy can only be below it by chance."
    ),
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the figures came about."""

    command: str
    written_at: str


def document(
    findings: Findings, provenance: Provenance, prices: Sequence[SkillPrice] = ()
) -> dict[str, Any]:
    """Return the document; times are seconds, shares from 0 to 1, intervals 95 %."""
    experiment = findings.experiment
    world = experiment.world
    base = next(iter(findings.measures.values()))
    return {
        "title": world.title,
        "notes": list(world.notes),
        "provenance": {
            "command": provenance.command,
            "written_at": provenance.written_at,
            "seeds": list(experiment.seeds),
            "draws_by": experiment.draws_by,
            "start": world.start.isoformat(),
            "horizon_s": world.horizon_s,
            "warm_up_s": world.warm_up_s,
            "tickets_a_run": round(float(np.mean([m.tickets for m in base])), 1),
            "agents": len(world.workers),
            "handling": _handling(world),
            "sla_counts_to": world.sla,
            "versions": {
                "patchbay": version("patchbay"),
                "python": platform.python_version(),
                "numpy": version("numpy"),
                "scipy": version("scipy"),
            },
        },
        "profiles": [
            _profile(findings, name, measures, base) for name, measures in findings.measures.items()
        ],
        "floors": _floors(findings),
        "without_floor": dict(findings.silent),
        "skill_prices": [
            {"agent": p.agent, "skill": p.skill, "mean_wait_saved_s": p.saved_s} for p in prices
        ],
    }


def _handling(world: World) -> str:
    law = world.handling.law
    spread = f", variation {law.variation:g}" if law.name == "lognormal" else ""
    return f"{law.name}{spread}"


def _profile(
    findings: Findings, name: str, measures: Sequence[Measures], base: Sequence[Measures]
) -> dict[str, Any]:
    metrics = list(measures[0].values)
    return {
        "name": name,
        "values": {metric: _interval(interval(_of(measures, metric))) for metric in metrics},
        "differences": {
            metric: _interval(paired(_of(measures, metric), _of(base, metric)))
            for metric in metrics
            if measures is not base
        },
        "above": _above(findings, measures),
        "groups": _means(measures),
        "utilisation": {
            agent: _mean(m.utilisation[agent] for m in measures)
            for agent in measures[0].utilisation
        },
        "wait_quantiles": {
            "shares": SHARES.tolist(),
            "seconds": np.mean([m.waits for m in measures], axis=0).tolist(),
        },
        "sla_over_time": _on_time(measures),
        "decisions": sum(m.decisions for m in measures),
        "faults": sorted({fault for m in measures for fault in m.faults}),
    }


def _of(measures: Iterable[Measures], metric: str) -> list[float]:
    return [m.values[metric] for m in measures]


def _interval(found: Interval) -> dict[str, Any]:
    return {"mean": _plain(found.mean), "half": _plain(found.half), "clear": found.clear}


def _plain(value: float) -> float | None:
    """Return a number that JSON knows."""
    return value if math.isfinite(value) else None


def _mean(values: Iterable[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _means(measures: Sequence[Measures]) -> dict[str, dict[str, float | None]]:
    names = sorted({name for m in measures for name in m.groups})
    result = {}
    for name in names:
        rows = [m.groups[name] for m in measures if name in m.groups]
        result[name] = {metric: _mean(row[metric] for row in rows) for metric in rows[0]}
    return result


def _on_time(measures: Sequence[Measures]) -> list[float | None]:
    arrived = np.sum([m.arrived for m in measures], axis=0)
    on_time = np.sum([m.on_time for m in measures], axis=0)
    return [
        float(good / all_) if all_ else None for good, all_ in zip(on_time, arrived, strict=True)
    ]


def _above(findings: Findings, measures: Sequence[Measures]) -> dict[str, float | None]:
    """Return by which share the mean wait is above each floor.

    Floors of a trace count all tickets, those of the long run the tickets after the warm-up.
    """
    everything = interval([m.mean_wait_all for m in measures]).mean
    counted = interval(_of(measures, "mean_wait_s")).mean
    result = {
        name: _plain(above(everything, interval(values).mean))
        for name, values in findings.floors.items()
    }
    for value in findings.steady:
        if value.is_floor:
            result[value.name] = _plain(above(counted, value.mean_wait_s))
    return result


def _floors(findings: Findings) -> list[Mapping[str, Any]]:
    traced = [
        {"name": name, "mean_wait_s": _interval(interval(values)), "is_floor": True}
        for name, values in findings.floors.items()
    ]
    steady = [
        {
            "name": value.name,
            "mean_wait_s": {"mean": value.mean_wait_s, "half": 0.0, "clear": True},
            "is_floor": value.is_floor,
        }
        for value in findings.steady
    ]
    return [{**floor, "about": ABOUT[str(floor["name"])]} for floor in traced + steady]
