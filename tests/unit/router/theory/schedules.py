"""Schedules of small traces without interruption, to be compared with bounds."""

import math
from collections.abc import Sequence

from hypothesis import strategies as st

from services.router.simulation.theory.trace import Trace, TraceAgent, TraceTicket

SKILLS = ("dns", "mail", "vpn")


def waits(trace: Trace, order: Sequence[int], picks: Sequence[int]) -> list[float] | None:
    """Serve the tickets in an order, each by one of its agents; None if a shift is too short.

    `picks` choose the agent: 0 is who can start first. Tickets start one after another on an agent,
    never before release, and end within the shift they start in.
    """
    busy: dict[str, list[tuple[float, float]]] = {agent.name: [] for agent in trace.agents}
    result = [0.0] * len(trace.tickets)
    for number, pick in zip(order, picks, strict=True):
        ticket = trace.tickets[number]
        starts = []
        for agent in trace.agents:
            if ticket.skills <= agent.skills:
                work = ticket.work * agent.pace.get(ticket.kind, 1.0)
                start = _earliest(ticket.released, work, agent, busy[agent.name])
                if start < math.inf:
                    starts.append((start, work, agent.name))
        if not starts:
            return None
        start, work, name = sorted(starts)[pick % len(starts)]
        busy[name].append((start, start + work))
        result[number] = start - ticket.released
    return result


def _earliest(
    released: float, work: float, agent: TraceAgent, busy: list[tuple[float, float]]
) -> float:
    moments = [released, *(end for _, end in busy), *(first for first, _ in agent.shifts or ())]
    for moment in sorted(moment for moment in moments if moment >= released):
        within = agent.shifts is None or any(
            first <= moment and moment + work <= end for first, end in agent.shifts
        )
        apart = sum(start < moment + work and moment < end for start, end in busy)
        if within and apart < 1:
            return moment
    return math.inf


@st.composite
def traces(draw: st.DrawFn, *, whole: bool = False, paced: bool = False) -> Trace:
    """Up to six tickets and three agents; whole slots or fractions of them."""
    times = st.integers(0, 8) if whole else st.floats(0, 8)
    works = st.integers(1, 5) if whole else st.floats(0.2, 5)
    everybody = TraceAgent("everybody", frozenset(SKILLS))
    agents = [everybody]
    for number in range(draw(st.integers(0, 2))):
        first = draw(st.integers(0, 6))
        shifts = ((first, first + draw(st.integers(1, 8))),) if draw(st.booleans()) else None
        pace = {"slow": draw(st.sampled_from([0.5, 1.0, 2.0]))} if paced else {}
        skills = draw(st.frozensets(st.sampled_from(SKILLS)))
        agents.append(TraceAgent(f"agent {number}", skills, shifts, pace=pace))
    tickets = [
        TraceTicket(
            draw(times),
            draw(works),
            draw(st.frozensets(st.sampled_from(SKILLS), max_size=2)),
            draw(st.sampled_from(["", "slow"])),
            due=draw(times) + 4.0,
        )
        for _ in range(draw(st.integers(1, 6)))
    ]
    return Trace(tuple(tickets), tuple(agents))
