"""Prices of agent time and skills against solving again."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.router.simulation.theory.errors import LabError
from services.router.simulation.theory.hindsight import Hindsight, hindsight_bound
from services.router.simulation.theory.shadow_prices import (
    agent_time_prices,
    skill_reduced_cost,
    teach,
)
from services.router.simulation.theory.trace import Trace, TraceAgent, TraceTicket
from tests.unit.router.theory.schedules import SKILLS, traces

AGENTS = (TraceAgent("ann", frozenset({"dns"})), TraceAgent("bob", frozenset({"vpn"})))


def busy_vpn(tickets: int = 8) -> Trace:
    chance = Random(5)
    return Trace(
        tuple(
            TraceTicket(chance.uniform(0, 20), 4, frozenset({"vpn"} if number else {"dns"}))
            for number in range(tickets)
        ),
        AGENTS,
    )


def with_one_more(bound: Hindsight, like: TraceAgent, slot: int) -> Hindsight:
    helper = replace(like, name="helper", shifts=((slot, slot + 1),), capacity=1)
    return hindsight_bound(replace(bound.trace, agents=(*bound.trace.agents, helper)))


@settings(max_examples=40)
@given(traces(), st.integers(0, 12))
def test_the_price_of_agent_time_brackets_what_it_saves(trace: Trace, slot: int) -> None:
    before = hindsight_bound(trace)
    after = with_one_more(before, trace.agents[0], slot)
    saved = before.total_wait - after.total_wait
    [price, *_] = agent_time_prices(before, slot, slot + 1)
    [price_after, *_] = agent_time_prices(after, slot, slot + 1)
    assert price_after.saved - 1e-6 <= saved <= price.saved + 1e-6


def test_agent_time_is_worth_something_only_where_tickets_wait() -> None:
    bound = hindsight_bound(busy_vpn())
    ann, bob = agent_time_prices(bound, 0, bound.trace.horizon)
    assert ann.saved == pytest.approx(0, abs=1e-9)
    assert bob.saved > 1
    hours = [agent_time_prices(bound, first, first + 10)[1].saved for first in (0, 10, 20, 30)]
    assert sum(hours) <= bob.saved + 1e-9


def test_teaching_the_idle_agent_the_busy_skill_saves_waiting() -> None:
    bound = hindsight_bound(busy_vpn())
    lesson = teach(bound, "ann", "vpn")
    taught = replace(AGENTS[0], skills=frozenset({"dns", "vpn"}))
    again = hindsight_bound(Trace(bound.trace.tickets, (taught, AGENTS[1])))
    assert lesson.after == pytest.approx(again.mean_wait)
    assert lesson.saved == pytest.approx(bound.mean_wait - again.mean_wait)
    assert lesson.saved > 0
    assert teach(bound, "bob", "dns").saved == pytest.approx(0, abs=1e-9)


@settings(max_examples=40)
@given(traces(), st.sampled_from(SKILLS))
def test_a_skill_without_negative_reduced_cost_saves_nothing(trace: Trace, skill: str) -> None:
    bound = hindsight_bound(trace)
    for group in trace.groups:
        if skill in group.skills or skill_reduced_cost(bound, group, skill) < -1e-7:
            continue
        for agent in group.agents:
            assert teach(bound, agent.name, skill).saved == pytest.approx(0, abs=1e-6)


def test_a_helpful_skill_has_a_negative_reduced_cost() -> None:
    bound = hindsight_bound(busy_vpn())
    ann, bob = bound.trace.groups
    assert skill_reduced_cost(bound, ann, "vpn") < 0
    assert skill_reduced_cost(bound, bob, "dns") >= 0
    assert skill_reduced_cost(bound, ann, "chat") == float("inf")


def test_who_cannot_be_taught_is_refused() -> None:
    bound = hindsight_bound(busy_vpn())
    for agent, skill in [("carl", "vpn"), ("ann", "dns")]:
        with pytest.raises(LabError, match=f"no agent {agent} without the skill {skill}"):
            teach(bound, agent, skill)
