"""What a system accepts, and the arrays over its sets of agents."""

import pytest

from services.router.simulation.theory.errors import LabError, Unservable
from services.router.simulation.theory.subsets import layers, subset_rates
from services.router.simulation.theory.system import System, TicketClass
from shared.domain.errors import InvalidInput
from tests.unit.router.theory.reference_systems import system_x


def one_class(rate: float = 1.0, agents: str = "a", service: float = 2.0) -> System:
    return System((TicketClass("only", rate, frozenset(agents)),), {"a": service})


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_rates_must_be_positive_numbers(rate: float) -> None:
    with pytest.raises(LabError, match="arrival rate of class only must be a positive number"):
        one_class(rate=rate)
    with pytest.raises(LabError, match="service rate of agent a must be a positive number"):
        one_class(service=rate)


def test_a_class_needs_agents_that_exist() -> None:
    with pytest.raises(LabError, match=r"Class only names unknown agents \['z'\]"):
        one_class(agents="az")
    with pytest.raises(Unservable, match="Nobody may serve class only: give it an agent"):
        one_class(agents="")
    with pytest.raises(LabError, match="names of their own"):
        System((), {"a": 1.0})


def test_its_errors_are_invalid_input() -> None:
    assert issubclass(LabError, InvalidInput)


def test_rates_add_up_over_sets_of_agents() -> None:
    rates = subset_rates(system_x())
    assert rates.captive[0b0011] == pytest.approx(0.9)
    assert rates.captive[0b0111] == pytest.approx(2.0)
    assert rates.captive[0b1010] == 0
    assert rates.reach[0b0001] == pytest.approx(0.9)
    assert rates.reach[0b0010] == pytest.approx(2.0)
    assert rates.service[0b1101] == pytest.approx(3)


def test_layers_hold_every_set_once() -> None:
    assert sorted(int(mask) for layer in layers(5) for mask in layer) == list(range(1, 32))
