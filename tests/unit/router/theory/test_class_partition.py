"""The class partition bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.simulation.theory.class_partition import class_partition_bound
from services.router.simulation.theory.erlang import DelaySystem
from services.router.simulation.theory.errors import TooLarge, Unstable
from services.router.simulation.theory.fcfs_alis import fcfs_alis
from services.router.simulation.theory.system import System, TicketClass
from tests.unit.router.theory.reference_systems import pooled, system_x


def test_the_reference_system_has_its_floor() -> None:
    bound = class_partition_bound(system_x())
    assert bound.mean_wait == pytest.approx(0.372, abs=5e-4)
    assert set(bound.blocks) == {frozenset({"first", "second"}), frozenset({"third"})}
    assert bound.wait_by_class["third"] == pytest.approx(DelaySystem(0.8, 1, 2).mean_wait)


def test_with_all_skills_pooling_is_the_best_partition() -> None:
    bound = class_partition_bound(pooled(3, 1.0, 0.7, 0.5))
    assert len(bound.blocks) == 1
    assert bound.mean_wait == pytest.approx(DelaySystem(2.2, 1, 3).mean_wait)


def test_separate_agents_are_separate_queues() -> None:
    system = System(
        (TicketClass("a", 0.5, frozenset("a")), TicketClass("b", 0.9, frozenset("b"))),
        {"a": 1.0, "b": 1.0},
    )
    exact = (0.5 * DelaySystem(0.5, 1, 1).mean_wait + 0.9 * DelaySystem(0.9, 1, 1).mean_wait) / 1.4
    assert class_partition_bound(system).mean_wait == pytest.approx(exact)
    assert fcfs_alis(system).mean_wait == pytest.approx(exact)


@st.composite
def stable_systems(draw: st.DrawFn) -> System:
    agents = "abcd"[: draw(st.integers(1, 4))]
    sets = draw(st.lists(st.sets(st.sampled_from(agents), min_size=1), min_size=1, max_size=4))
    rates = [draw(st.floats(0.01, 0.9)) / len(sets) for _ in sets]
    used = sorted(set().union(*sets))
    classes = (
        TicketClass(str(number), rate, frozenset(eligible))
        for number, (rate, eligible) in enumerate(zip(rates, sets, strict=True))
    )
    return System(tuple(classes), dict.fromkeys(used, 1.0))


@given(stable_systems())
def test_pooled_is_below_partition_is_below_first_come_first_served(system: System) -> None:
    pooled_wait = DelaySystem(system.arrival_rate, 1, len(system.agents)).mean_wait
    bound = class_partition_bound(system)
    exact = fcfs_alis(system)
    assert pooled_wait <= bound.mean_wait * (1 + 1e-9)
    assert bound.mean_wait <= exact.mean_wait * (1 + 1e-9)
    for name, floor in bound.wait_by_class.items():
        assert floor <= exact.wait_by_class[name] * (1 + 1e-9)


def test_with_agents_of_different_speed_it_takes_the_fastest() -> None:
    bound = class_partition_bound(system_x((1.3, 0.8, 1.0, 0.9)))
    assert 0 < bound.mean_wait < fcfs_alis(system_x((1.3, 0.8, 1.0, 0.9))).mean_wait


def test_overload_and_too_many_classes_are_refused() -> None:
    with pytest.raises(Unstable, match=r"Classes first: 2 agents serve 0\.8"):
        class_partition_bound(system_x((0.4, 0.4, 0.4, 0.4)))
    with pytest.raises(TooLarge, match="13 classes are too many"):
        class_partition_bound(pooled(2, *[0.1] * 13))
