"""Erlang's delay system against tables, and against itself."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.simulation.theory.erlang import (
    DelaySystem,
    erlang_b,
    square_root_staffing,
    wait_probability_at,
)
from services.router.simulation.theory.errors import LabError, Unstable


def test_ten_agents_under_a_load_of_eight_agree_with_the_tables() -> None:
    system = DelaySystem(8, 1, 10)
    assert system.wait_probability == pytest.approx(0.409180, abs=5e-7)
    assert system.mean_wait == pytest.approx(0.204590, abs=5e-7)
    assert system.mean_queue == pytest.approx(8 * 0.204590, abs=5e-6)
    assert system.wait_exceeds(0) == system.wait_probability
    assert system.wait_exceeds(1) == pytest.approx(0.409180 * math.exp(-2), abs=5e-7)


def test_one_agent_waits_as_in_the_textbook() -> None:
    system = DelaySystem(0.8, 1, 1)
    assert system.wait_probability == pytest.approx(0.8)
    assert system.mean_wait == pytest.approx(4)


def test_the_recursion_agrees_with_the_sum_of_erlang() -> None:
    terms = [5.5**count / math.factorial(count) for count in range(9)]
    assert erlang_b(8, 5.5) == pytest.approx(terms[-1] / sum(terms))


def test_thousands_of_agents_do_not_overflow() -> None:
    assert 0 < DelaySystem(9_900, 1, 10_000).wait_probability < 1


@given(st.floats(0.01, 0.99), st.integers(1, 60))
def test_more_agents_wait_less_and_more_tickets_wait_longer(load: float, servers: int) -> None:
    system = DelaySystem(load * servers, 1, servers)
    assert DelaySystem(load * servers, 1, servers + 1).mean_wait < system.mean_wait
    assert DelaySystem(load * servers * 1.005, 1, servers).mean_wait > system.mean_wait


def test_square_root_staffing_keeps_its_promise_for_many_agents() -> None:
    agents = square_root_staffing(10_000, 0.5)
    assert agents == 10_050
    exact = DelaySystem(10_000, 1, agents).wait_probability
    assert wait_probability_at(0.5) == pytest.approx(exact, rel=0.01)


def test_too_much_work_and_nonsense_are_refused() -> None:
    with pytest.raises(Unstable, match="2 agents serve 2 tickets per unit of time, but 2 arrive"):
        DelaySystem(2, 1, 2)
    for arrival, service, servers in [(0, 1, 1), (1, -1, 1), (1, 1, 0), (math.nan, 1, 1)]:
        with pytest.raises(LabError):
            DelaySystem(arrival, service, servers)
