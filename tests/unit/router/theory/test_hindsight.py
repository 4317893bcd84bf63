"""The hindsight bound: below every schedule, and tight where the optimum is plain."""

from dataclasses import replace
from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.router.simulation.theory import hindsight_program
from services.router.simulation.theory.errors import LabError, TooLarge, Unservable
from services.router.simulation.theory.hindsight import hindsight_bound
from services.router.simulation.theory.slot_windows import staffing
from services.router.simulation.theory.trace import Trace, TraceAgent, TraceTicket
from tests.unit.router.theory.schedules import traces, waits

ALWAYS = TraceAgent("always")


def bound(*tickets: tuple[float, float], agents: tuple[TraceAgent, ...] = (ALWAYS,)) -> float:
    return hindsight_bound(
        Trace(tuple(TraceTicket(at, work) for at, work in tickets), agents)
    ).total_wait


@settings(max_examples=60)
@given(st.booleans().flatmap(lambda paced: traces(paced=paced)), st.integers(0, 99))
def test_no_schedule_beats_it(trace: Trace, seed: int) -> None:
    chance = Random(seed)
    total = hindsight_bound(trace).total_wait
    for _ in range(60):
        order = chance.sample(range(len(trace.tickets)), len(trace.tickets))
        schedule = waits(trace, order, [chance.choice([0, 0, 0, 1, 2]) for _ in order])
        assert schedule is None or total <= sum(schedule) + 1e-6


@settings(max_examples=25)
@given(traces(whole=True))
def test_no_schedule_of_whole_slots_beats_it_whatever_the_order(trace: Trace) -> None:
    trace = replace(trace, tickets=trace.tickets[:4])
    total = hindsight_bound(trace).total_wait
    for order in permutations(range(len(trace.tickets))):
        schedule = waits(trace, order, [0] * len(order))
        assert schedule is None or total <= sum(schedule) + 1e-6


def test_one_agent_serves_the_shortest_first() -> None:
    assert bound((0, 3), (0, 1), (0, 2)) == pytest.approx(0 + 1 + 3)


def test_tickets_that_never_meet_do_not_wait() -> None:
    assert bound((0, 2), (2, 3), (7.5, 1)) == pytest.approx(0, abs=1e-9)


def test_a_capacity_of_two_is_as_good_as_two_agents() -> None:
    two = bound((0, 3), (0, 3), (1, 2), agents=(ALWAYS, replace(ALWAYS, name="other")))
    one = bound((0, 3), (0, 3), (1, 2), agents=(replace(ALWAYS, capacity=2),))
    assert 0 < two == pytest.approx(one)


def test_no_ticket_gets_two_agents_at_a_time() -> None:
    """Else the first ticket would gain from two agents what the later ones lose by waiting."""
    agents = (ALWAYS, replace(ALWAYS, name="other", skills=frozenset({"vpn"})))
    rush = ((20, 3), (20, 3), (20, 3), (20, 3))
    assert bound((0, 4), *rush, agents=agents) == pytest.approx(bound(*rush, agents=agents))


def test_work_waits_for_the_shift() -> None:
    assert bound((0, 2), agents=(replace(ALWAYS, shifts=((5, 9),)),)) == pytest.approx(5)


def test_a_faster_agent_is_worth_a_wait_less() -> None:
    slow = replace(ALWAYS, pace={"": 3.0})
    fast = replace(ALWAYS, name="fast", pace={"": 1.0})
    assert bound((0, 2), (0, 2), (2, 2), agents=(slow, fast)) < bound(
        (0, 2), (0, 2), (2, 2), agents=(slow, replace(slow, name="other"))
    )


def test_wider_windows_would_change_nothing() -> None:
    chance = Random(3)
    tickets = tuple(
        TraceTicket(chance.uniform(0, 25), chance.uniform(1, 9), frozenset(chance.choice("ab")))
        for _ in range(16)
    )
    agents = (TraceAgent("1", frozenset("a")), TraceAgent("2", frozenset("ab")))
    trace = Trace(tickets, agents)
    staff = staffing(trace.groups, trace.horizon)
    everything = hindsight_program.columns(
        trace, staff, np.full(len(tickets), trace.horizon, dtype=np.int64)
    )
    whole = hindsight_program.solve(trace, staff, everything)
    found = hindsight_bound(trace)
    assert whole is not None
    assert found.total_wait == pytest.approx(whole.total_wait)
    assert found.columns < len(everything.cost)


def test_windows_are_widened_when_a_long_ticket_should_step_back() -> None:
    found = hindsight_bound(
        Trace((TraceTicket(0, 9), *[TraceTicket(1 + k, 1) for k in range(12)]), (ALWAYS,))
    )
    assert found.rounds > 1


@given(traces())
def test_another_agent_never_makes_it_worse(trace: Trace) -> None:
    more = replace(trace, agents=(*trace.agents, TraceAgent("new", frozenset({"dns"}))))
    assert hindsight_bound(more).total_wait <= hindsight_bound(trace).total_wait + 1e-6


def test_agents_of_the_same_skills_and_pace_are_one_group() -> None:
    agents = (
        TraceAgent("1", frozenset("a"), pace={"x": 2.0}),
        TraceAgent("2", frozenset("a"), ((3, 5),), pace={"x": 2.0}),
        TraceAgent("3", frozenset("a")),
    )
    first, second = Trace((TraceTicket(0, 1),), agents).groups
    assert [agent.name for agent in first.agents] == ["1", "2"]
    assert first.staff(6).tolist() == [1, 1, 1, 2, 2, 1]
    assert second.staff(2).tolist() == [1, 1]


def test_what_nobody_can_do_is_refused() -> None:
    short = replace(ALWAYS, shifts=((0, 4),))
    with pytest.raises(Unservable, match="needs vpn: nobody with that is on shift later"):
        Trace((TraceTicket(0, 1, frozenset({"vpn"})),), (ALWAYS,))
    with pytest.raises(Unservable, match="released at 5"):
        Trace((TraceTicket(5, 1),), (short,))
    with pytest.raises(Unservable, match="not on shift long enough"):
        bound((0, 3), (0, 3), agents=(short,))


def test_what_is_too_large_or_no_trace_is_refused() -> None:
    trace = Trace((TraceTicket(0, 50),), (ALWAYS,))
    with pytest.raises(TooLarge, match=r"50 slots of work .* take longer slots"):
        hindsight_bound(trace, max_columns=10)
    for build in (
        lambda: Trace((), (ALWAYS,)),
        lambda: TraceTicket(-1, 1),
        lambda: TraceTicket(0, 0),
        lambda: TraceAgent("a", shifts=((3, 3),)),
        lambda: TraceAgent("a", capacity=0),
        lambda: TraceAgent("a", pace={"x": 0}),
    ):
        with pytest.raises(LabError):
            build()
