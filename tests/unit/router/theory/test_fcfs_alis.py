"""The exact waits of first come first served with the longest idle agent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.simulation.theory.erlang import DelaySystem
from services.router.simulation.theory.errors import LabError, TooLarge, Unstable
from services.router.simulation.theory.fcfs_alis import fcfs_alis
from services.router.simulation.theory.system import System, TicketClass
from tests.unit.router.theory.reference_systems import chained, pooled, system_x


def test_agents_who_serve_everything_wait_as_erlang_says() -> None:
    exact = fcfs_alis(pooled(3, 1.0, 1.2))
    assert exact.mean_wait == pytest.approx(DelaySystem(2.2, 1, 3).mean_wait, rel=1e-14)
    assert list(exact.utilisation.values()) == pytest.approx([2.2 / 3] * 3)


def test_the_reference_system_waits_as_published() -> None:
    exact = fcfs_alis(system_x())
    assert exact.mean_wait == pytest.approx(0.8530, abs=5e-5)
    assert list(exact.wait_by_class.values()) == pytest.approx([0.7407, 1.1163, 0.6174], abs=5e-5)


def test_agents_may_differ_in_speed() -> None:
    assert fcfs_alis(system_x((1.3, 0.8, 1.0, 0.9))).mean_wait == pytest.approx(1.0299, abs=5e-5)


@pytest.mark.parametrize(
    ("offsets", "waits"),
    [
        ((0,), (1.778, 4.263, 9.256)),
        ((0, 1), (0.370, 0.866, 1.763)),
        ((0, 1, 3), (0.206, 0.610, 1.439)),
        (tuple(range(6)), (0.154, 0.533, 1.348)),
    ],
)
def test_two_skills_do_most_of_what_all_skills_do(
    offsets: tuple[int, ...], waits: tuple[float, ...]
) -> None:
    for load, wait in zip((0.80, 0.90, 0.95), waits, strict=True):
        assert fcfs_alis(chained(offsets, load)).mean_wait == pytest.approx(wait, abs=5e-4)


@given(st.lists(st.floats(0.1, 0.9), min_size=3, max_size=3), st.tuples(*[st.floats(1, 3)] * 4))
def test_the_work_done_is_the_work_that_arrives(
    arrivals: list[float], rates: tuple[float, ...]
) -> None:
    groups = ("ab", "bc", "cd")
    classes = tuple(
        TicketClass(agents, rate, frozenset(agents))
        for agents, rate in zip(groups, arrivals, strict=True)
    )
    exact = fcfs_alis(System(classes, dict(zip("abcd", rates, strict=True))))
    done = sum(rate * share for rate, share in zip(rates, exact.utilisation.values(), strict=True))
    assert done == pytest.approx(sum(arrivals))
    assert all(0 < share < 1 for share in exact.utilisation.values())


def test_overload_names_the_agents_and_the_classes() -> None:
    with pytest.raises(Unstable, match=r"Agents a, b serve 0\.8 .* \(first\) bring 0\.9"):
        fcfs_alis(system_x((0.4, 0.4, 9, 9)))


def test_too_many_agents_and_agents_without_work_are_refused() -> None:
    with pytest.raises(TooLarge, match="21 agents are too many"):
        fcfs_alis(pooled(21, 1.0))
    with pytest.raises(LabError, match="Agents b serve no class: leave them out"):
        fcfs_alis(System((TicketClass("only", 0.5, frozenset("a")),), {"a": 1, "b": 1}))
