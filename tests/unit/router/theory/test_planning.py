"""The capacity limit and its prices."""

import pytest

from services.router.simulation.theory.errors import LabError, Unservable
from services.router.simulation.theory.planning import (
    PlannedGroup,
    capacity_limit,
    capacity_limit_of,
)
from services.router.simulation.theory.subsets import check_stable, subset_rates
from tests.unit.router.theory.reference_systems import pooled, system_x

GROUPS = {
    "generalists": PlannedGroup(3, {"mail": 2.0, "phone": 1.0}),
    "phone only": PlannedGroup(2, {"phone": 1.5}),
}


def test_the_load_of_pooled_agents_is_plain() -> None:
    limit = capacity_limit_of(pooled(4, 1.0, 2.0))
    assert limit.utilisation == pytest.approx(0.75)
    assert limit.stable
    assert list(limit.by_arrival_rate.values()) == pytest.approx([0.25, 0.25])
    assert sum(limit.by_group_size.values()) == pytest.approx(-0.75)


def test_the_bottleneck_is_what_only_the_busiest_can_do() -> None:
    limit = capacity_limit({"mail": 3.0, "phone": 0.5}, GROUPS)
    assert limit.utilisation == pytest.approx(0.5)
    assert limit.bottleneck == ("mail",)
    assert limit.by_arrival_rate["phone"] == pytest.approx(0)
    assert limit.by_group_size["phone only"] == pytest.approx(0)
    assert limit.by_group_size["generalists"] == pytest.approx(-0.5 / 3)
    assert limit.work["mail", "generalists"] == pytest.approx(1.5)


def test_the_prices_are_the_slopes() -> None:
    arrivals = {"mail": 3.0, "phone": 3.0}
    limit = capacity_limit(arrivals, GROUPS)
    step = 1e-4
    for name, rate in arrivals.items():
        more = capacity_limit({**arrivals, name: rate + step}, GROUPS)
        slope = (more.utilisation - limit.utilisation) / step
        assert slope == pytest.approx(limit.by_arrival_rate[name], abs=1e-4)
    for name, group in GROUPS.items():
        larger = {**GROUPS, name: PlannedGroup(group.size + step, group.service_rates)}
        slope = (capacity_limit(arrivals, larger).utilisation - limit.utilisation) / step
        assert slope == pytest.approx(limit.by_group_size[name], abs=1e-4)


def test_it_agrees_with_the_condition_on_sets_of_agents() -> None:
    assert capacity_limit_of(system_x()).utilisation == pytest.approx(2.8 / 4)
    check_stable(system_x(), subset_rates(system_x()))
    overloaded = capacity_limit_of(system_x((0.4, 0.4, 9, 9)))
    assert overloaded.utilisation == pytest.approx(0.9 / 0.8)
    assert not overloaded.stable
    assert overloaded.bottleneck == ("first",)


def test_more_work_is_a_higher_load() -> None:
    loads = [
        capacity_limit({"mail": rate, "phone": rate}, GROUPS).utilisation for rate in (1, 2, 3)
    ]
    assert loads == sorted(loads)


def test_a_class_without_a_group_and_nonsense_are_refused() -> None:
    with pytest.raises(Unservable, match="No group may serve class chat"):
        capacity_limit({"chat": 1.0}, GROUPS)
    for arrivals in ({}, {"mail": 0.0}):
        with pytest.raises(LabError, match="above 0"):
            capacity_limit(arrivals, GROUPS)
