"""A log made into a world: its tickets, or as many at random times, and the agents it shows."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import fmean
from typing import Any

from services.router.model import Candidate, Need, Performance, Subject
from services.router.simulation.desk import Handling, Job, Roster, Sla, Source, Worker, World
from services.router.simulation.laws import Law, LawName
from services.router.simulation.log import LogRecord
from services.router.simulation.log_handling import Reading, Sample, estimate, kind_of, samples
from services.router.simulation.log_sources import LoggedSource, ResampledSource
from services.router.simulation.log_staff import Member, category_of, in_hand, members, slug
from services.router.simulation.staff_file import staff_members
from services.router.simulation.theory.errors import LabError
from shared.domain.agent import Presence
from shared.domain.ticket import RESOLUTION_TARGETS


class Arrivals(StrEnum):
    """When tickets come."""

    LOG = "log"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a log is read.

    `law` and `mean_s` replace the log's handling times; `agents` replaces its staff by so many who
    are always there, with the skills of those who resolved most, and `staff` by the agents of a
    file; `rate` is in tickets a second; `scale` multiplies handling times.
    """

    reading: Reading = Reading.EFFORT
    gap_s: float = 900.0
    law: Law | None = None
    mean_s: float | None = None
    scale: float = 1.0
    capacity: int = 1
    agents: int | None = None
    staff: Sequence[Mapping[str, Any]] | None = None
    arrivals: Arrivals = Arrivals.LOG
    rate: float | None = None
    handovers: bool = True
    sla: Sla = Sla.RESOLUTION


def log_world(title: str, records: Sequence[LogRecord], options: LogOptions) -> World:
    """Return the world of a log's records, in the order of opening.

    Tickets that nobody of the log's agents could serve are left out and counted in the notes.
    Raises LabError if none is left.
    """
    start = records[0].opened_at
    horizon_s = (records[-1].opened_at - start).total_seconds()
    staff = _staff(members(records, start, options.gap_s), options, start, horizon_s)
    able = _able(records, staff)
    kept = [record for record in records if able.get(kind_of(record))]
    if not kept:
        raise LabError(
            f"{title}: no ticket can be served: the log must name `agent_final`, `group_final` and "
            "`resolved_at` for some, and --agents or --staff must leave somebody for their groups"
        )
    found = samples(records, options.reading, options.gap_s)
    estimates = estimate(found, {kind: kind.split("/", maxsplit=1)[0] for kind in able})
    handling = Handling(
        means={
            kind: {
                name: options.scale * (options.mean_s or estimates.mean_s(kind, name))
                for name in sorted(names)
            }
            for kind, names in able.items()
            if names
        },
        law=options.law or Law(LawName.LOGNORMAL, round(estimates.variation, 3)),
        handover={
            kind: {name: estimates.handover(kind, name) for name in names}
            for kind, names in able.items()
            if names
        }
        if options.handovers
        else {},
    )
    jobs = _jobs(kept, start, staff, handling, options.sla)
    horizon_s = max(1.0, jobs[-1].at)
    notes = [f"{len(records) - len(kept)} of {len(records)} tickets left out: nobody to serve them"]
    source: Source = LoggedSource(jobs)
    if options.arrivals is Arrivals.POISSON:
        source = ResampledSource(jobs, start, options.rate or len(jobs) / horizon_s, horizon_s)
    known = _performance(found)
    capacities = _capacities(records, staff, options)
    return World(
        title=title,
        start=start,
        horizon_s=horizon_s,
        workers=tuple(
            _worker(member, start, capacities[member.name], known.get(member.name, {}))
            for member in staff.values()
        ),
        source=source,
        handling=handling,
        sla=options.sla,
        usual=known.get("", {}),
        notes=tuple(notes if len(kept) < len(records) else ()),
    )


def _staff(
    known: Mapping[str, Member], options: LogOptions, start: datetime, horizon_s: float
) -> dict[str, Member]:
    if options.staff is not None:
        return staff_members(options.staff, start, horizon_s)
    if options.agents is None:
        return dict(known)
    busiest = sorted(known.values(), key=lambda member: (-member.solved, member.name))
    if not busiest:
        return {}
    copies = Counter[str]()
    chosen = {}
    for number in range(options.agents):
        model = busiest[number % len(busiest)]
        copies[model.name] += 1
        name = model.name if copies[model.name] == 1 else f"{model.name} ({copies[model.name]})"
        chosen[name] = replace(model, name=name, shifts=None)
    return chosen


def _capacities(
    records: Sequence[LogRecord], staff: Mapping[str, Member], options: LogOptions
) -> dict[str, int]:
    """Return how much each can have in hand: what is said, or what the log shows if more."""
    shown = in_hand(records) if options.reading is Reading.IN_HAND else {}
    return {
        name: max(options.capacity, member.capacity, shown.get(name, 1))
        for name, member in staff.items()
    }


def _able(records: Sequence[LogRecord], staff: Mapping[str, Member]) -> dict[str, set[str]]:
    """Return who may serve each kind of tickets."""
    found: dict[str, set[str]] = {}
    for record in records:
        if not record.group:
            continue
        kind = kind_of(record)
        if kind not in found:
            team = {m.name for m in staff.values() if slug(record.group) in m.teams}
            skilled = {name for name in team if category_of(record) in staff[name].skills}
            found[kind] = skilled or team
    return found


def _jobs(
    records: Sequence[LogRecord],
    start: datetime,
    staff: Mapping[str, Member],
    handling: Handling,
    sla: Sla,
) -> tuple[Job, ...]:
    jobs = []
    for number, record in enumerate(records):
        kind, category = kind_of(record), category_of(record)
        team = slug(record.group or "")
        # The skill is asked for only where somebody of the team has it.
        skilled = any(category in staff[name].skills for name in handling.means[kind])
        need = Need(team, ((category, 1),) if skilled else ())
        target = RESOLUTION_TARGETS[record.priority]
        extra = handling.usual(kind) if sla is Sla.START else 0.0
        subject = Subject(
            id=record.id,
            need=need,
            priority=record.priority,
            created_at=record.opened_at,
            due_at=record.opened_at + target + timedelta(seconds=extra),
            category=category,
            channel=record.channel,
        )
        at = (record.opened_at - start).total_seconds()
        jobs.append(Job(number, at, kind, subject, target.total_seconds()))
    return tuple(jobs)


def _worker(
    member: Member,
    start: datetime,
    capacity: int,
    performance: Mapping[str, Performance],
) -> Worker:
    shifts = member.shifts
    candidate = Candidate(
        id=member.name,
        name=member.name,
        email="",
        presence=Presence.ONLINE,
        capacity=capacity,
        load=0,
        idle_since=start,
        teams=member.teams,
        skills=member.skills,
        shift=None if shifts is None else Roster(start, shifts),
        performance=performance,
    )
    return Worker(candidate, shifts)


def _performance(found: Sequence[Sample]) -> dict[str, dict[str, Performance]]:
    """Return what the router may know, by agent ("" for all) and category ("" for all)."""
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in found:
        if not sample.handed_on:
            for agent in ("", sample.agent):
                for category in ("", sample.kind.split("/", maxsplit=1)[1]):
                    times[agent][category].append(sample.seconds)
    return {
        agent: {name: Performance(len(v), fmean(v)) for name, v in by_category.items()}
        for agent, by_category in times.items()
    }
