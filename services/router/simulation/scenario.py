"""A scenario file made into a world; what makes no sense is refused before anything runs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.router.model import Candidate, Need, Performance
from services.router.simulation.arrivals import PoissonSource, TicketClass
from services.router.simulation.desk import Handling, Roster, Sla, Worker, World
from services.router.simulation.laws import Law
from services.router.simulation.scenario_checks import problems_of, suits
from services.router.simulation.scenario_schema import ScenarioSchema
from services.router.simulation.theory.errors import LabError, Unstable
from services.router.simulation.theory.planning import PlannedGroup, capacity_limit
from services.router.simulation.week import lay_out
from services.router.simulation.yaml_document import YamlDocument
from shared.domain.agent import Presence
from shared.domain.ticket import RESOLUTION_TARGETS

#: When a scenario begins that does not say when: a Monday.
START = datetime(2026, 1, 5, tzinfo=UTC)
UNIT_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}

#: What the router is taken to know of handling times: as much as from so many tickets.
KNOWN_TICKETS = 1000

#: How long after the horizon shifts go on, so that what waits can be served.
AFTERWARDS_S = 28 * 86_400.0


def read_scenario(path: Path) -> World:
    """Return the world of a file.

    Raises LabError with one line for each mistake, and Unstable if the work is more than anybody
    could do.
    """
    return scenario_world(YamlDocument.read(path))


def scenario_world(document: YamlDocument) -> World:
    """Return the world of a document; raises as `read_scenario`."""
    values = document.load(ScenarioSchema())
    problems = [document.complaint(path, message) for path, message in problems_of(values)]
    if problems:
        raise LabError("\n".join(problems))
    start, unit_s = values["start"] or START, UNIT_S[values["unit"]]
    workers, rates = _workers(values, start)
    law = Law(values["law"], values["variation"])
    means = {
        ticket_class["name"]: {
            worker.id: unit_s / rates[worker.id][ticket_class["name"]]
            for worker in workers
            if _may_serve(worker.candidate, ticket_class)
        }
        for ticket_class in values["classes"]
    }
    handover = _handover(values, means)
    handling = Handling(means, law, handover)
    _check_load(document, values, handling, workers)
    horizon = values["horizon"]
    return World(
        title=values["title"] or Path(document.name).stem,
        start=start,
        horizon_s=horizon,
        workers=tuple(_knowing(worker, means) for worker in workers),
        source=PoissonSource(start, horizon, _classes(values, handling, unit_s)),
        handling=handling,
        warm_up_s=values["warm_up"],
        sla=values["sla"],
        usual={kind: Performance(KNOWN_TICKETS, handling.usual(kind)) for kind in handling.means},
        poisson_rates={c["name"]: c["rate"] / unit_s for c in values["classes"]},
    )


def _may_serve(candidate: Candidate, ticket_class: Mapping[str, Any]) -> bool:
    document = {"teams": candidate.teams, "skills": candidate.skills}
    return suits(document, ticket_class)


def _workers(
    values: Mapping[str, Any], start: datetime
) -> tuple[list[Worker], dict[str, dict[str, float]]]:
    """Return everybody, and their rates by class."""
    workers, rates = [], {}
    until = values["horizon"] + AFTERWARDS_S
    for agent in values["agents"]:
        shifts = agent["shifts"] and lay_out(agent["shifts"], start, until)
        for number in range(1, agent["count"] + 1):
            name = agent["name"] if agent["count"] == 1 else f"{agent['name']} {number}"
            candidate = Candidate(
                id=name,
                name=name,
                email="",
                presence=Presence.ONLINE,
                capacity=agent["capacity"],
                load=0,
                idle_since=start,
                teams=frozenset(agent["teams"]),
                skills=agent["skills"],
                shift=Roster(start, shifts) if shifts else None,
            )
            workers.append(Worker(candidate, shifts or None))
            rates[name] = {
                c["name"]: agent["rates"].get(c["name"], agent["rate"]) for c in values["classes"]
            }
    if len(rates) < len(workers):
        raise LabError("Two agents have the same name; `count` adds numbers to names")
    return workers, rates


def _handover(
    values: Mapping[str, Any], means: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for agent in values["agents"]:
        for kind, chance in agent["handover"].items():
            for agent_id in means[kind]:
                if agent_id.removeprefix(agent["name"]).strip().isdigit() or (
                    agent_id == agent["name"]
                ):
                    found.setdefault(kind, {})[agent_id] = chance
    return found


def _knowing(worker: Worker, means: Mapping[str, Mapping[str, float]]) -> Worker:
    """Return somebody whose handling times the router knows."""
    known = {
        kind: Performance(KNOWN_TICKETS, by_agent[worker.id])
        for kind, by_agent in means.items()
        if worker.id in by_agent
    }
    return replace(worker, candidate=replace(worker.candidate, performance=known))


def _classes(
    values: Mapping[str, Any], handling: Handling, unit_s: float
) -> tuple[TicketClass, ...]:
    found = []
    for item in values["classes"]:
        target = item["target"]
        if target is None:
            target = RESOLUTION_TARGETS[item["priority"]].total_seconds()
        # Orders go by when a ticket has to be resolved; a target of the start leaves room for that.
        extra = handling.usual(item["name"]) if values["sla"] is Sla.START else 0.0
        need = Need(item["team"], tuple(sorted(item["skills"].items())))
        found.append(
            TicketClass(
                name=item["name"],
                rate=item["rate"] / unit_s,
                need=need,
                priority=item["priority"],
                target_s=target,
                due_s=target + extra,
                channel=item["channel"],
            )
        )
    return tuple(found)


def _check_load(
    document: YamlDocument,
    values: Mapping[str, Any],
    handling: Handling,
    workers: list[Worker],
) -> None:
    """Raise Unstable if the work is more than the agents can do, whoever does what."""
    horizon = values["horizon"]
    groups = {}
    for worker in workers:
        share = worker.available_s(horizon) / horizon
        served = {
            kind: 1 / means[worker.id]
            for kind, means in handling.means.items()
            if worker.id in means
        }
        if share > 0 and served:
            groups[worker.id] = PlannedGroup(share, served)
    unit_s = UNIT_S[values["unit"]]
    limit = capacity_limit({c["name"]: c["rate"] / unit_s for c in values["classes"]}, groups)
    if not limit.stable:
        raise Unstable(
            f"{document.name}: the work takes {limit.utilisation:.0%} of the agents' time at best; "
            f"waits grow without end; the bottleneck is {', '.join(limit.bottleneck)}: lower its "
            "rate, or add agents, hours or skills"
        )
