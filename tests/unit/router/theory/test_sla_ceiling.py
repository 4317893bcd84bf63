"""The ceiling of the share on time."""

import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.router.simulation.theory.errors import TooLarge
from services.router.simulation.theory.sla_ceiling import sla_ceiling
from services.router.simulation.theory.trace import Trace, TraceAgent, TraceTicket
from tests.unit.router.theory.schedules import traces, waits

ALWAYS = TraceAgent("always")


def due(*times: tuple[float, float], agents: tuple[TraceAgent, ...] = (ALWAYS,)) -> int:
    tickets = tuple(TraceTicket(at, 1, due=until) for at, until in times)
    return sla_ceiling(Trace(tickets, agents)).on_time


def test_one_agent_answers_one_ticket_a_slot() -> None:
    assert due((0, 1), (0, 1), (0, 1)) == 2
    assert due((0, 1), (0, 1), (0, 1), agents=(replace(ALWAYS, capacity=2),)) == 3


def test_the_matching_gives_way_to_whoever_has_no_other_slot() -> None:
    """Earliest release first would give slot 0 to the first ticket and lose the second."""
    assert due((0, 1), (0, 0)) == 2


def test_shifts_and_skills_count() -> None:
    assert due((0, 3), agents=(replace(ALWAYS, shifts=((4, 9),)),)) == 0
    tickets = (TraceTicket(0, 1, frozenset("a"), due=0), TraceTicket(0, 1, frozenset("b"), due=0))
    agents = (TraceAgent("1", frozenset("ab")), TraceAgent("2", frozenset("a")))
    assert sla_ceiling(Trace(tickets, agents)).on_time == 2
    assert sla_ceiling(Trace(tickets, agents[:1])).on_time == 1


def test_tickets_without_a_due_time_are_on_time() -> None:
    ceiling = sla_ceiling(Trace((TraceTicket(3, 1), TraceTicket(3, 1, due=2)), (ALWAYS,)))
    assert (ceiling.on_time, ceiling.share) == (1, 0.5)
    assert sla_ceiling(Trace((TraceTicket(3, 1),), (ALWAYS,))).share == 1


@settings(max_examples=60)
@given(traces(), st.integers(0, 99))
def test_no_schedule_starts_more_on_time(trace: Trace, seed: int) -> None:
    chance = Random(seed)
    tickets = tuple(replace(ticket, work=max(1.0, ticket.work)) for ticket in trace.tickets)
    trace = replace(trace, tickets=tickets)
    ceiling = sla_ceiling(trace)
    for _ in range(40):
        order = chance.sample(range(len(tickets)), len(tickets))
        schedule = waits(trace, order, [chance.choice([0, 0, 1]) for _ in order])
        if schedule is not None:
            met = sum(t.released + w <= t.due for t, w in zip(tickets, schedule, strict=True))
            assert met <= ceiling.on_time


@given(traces())
def test_later_due_times_never_lower_it(trace: Trace) -> None:
    later = tuple(replace(ticket, due=ticket.due + 2) for ticket in trace.tickets)
    assert sla_ceiling(replace(trace, tickets=later)).on_time >= sla_ceiling(trace).on_time
    assert math.isclose(sla_ceiling(trace).share * len(later), sla_ceiling(trace).on_time)


def test_too_many_choices_are_refused() -> None:
    with pytest.raises(TooLarge, match="take longer slots"):
        sla_ceiling(Trace((TraceTicket(0, 1, due=50),), (ALWAYS,)), max_edges=10)
