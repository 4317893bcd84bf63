"""L5, the capacity limit: the smallest share of their time that the agents must work.

The static planning problem of Harrison & Lopez, Queueing Systems 33, 1999: split the work of each
class over the groups that may do it, so that the busiest group is as little busy as can be. Above 1
no policy keeps up. The prices tell which classes and groups are the bottleneck.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.router.simulation.theory.errors import LabError, Unservable
from services.router.simulation.theory.linear_program import minimise
from services.router.simulation.theory.system import System


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """Agents alike: how many, and tickets per unit of time and agent for each class they serve."""

    size: float
    service_rates: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CapacityLimit:
    """The least possible utilisation of the busiest group, and how it changes.

    `utilisation` is the share of its time that this group works; `by_arrival_rate` its slope in the
    rate of each class, `by_group_size` in the size of each group (never above 0). `work` is how
    many agents work on a class, by class and group.
    """

    utilisation: float
    by_arrival_rate: Mapping[str, float]
    by_group_size: Mapping[str, float]
    work: Mapping[tuple[str, str], float]

    @property
    def stable(self) -> bool:
        """Whether any policy can keep up."""
        return self.utilisation < 1

    @property
    def bottleneck(self) -> tuple[str, ...]:
        """The classes of which more work would raise the utilisation."""
        return tuple(name for name, slope in self.by_arrival_rate.items() if slope > _ZERO)


_ZERO = 1e-9


def capacity_limit(
    arrival_rates: Mapping[str, float], groups: Mapping[str, PlannedGroup]
) -> CapacityLimit:
    """Solve the planning problem for arrival rates by class and groups by name.

    Raises Unservable if a class has no group, LabError for rates or sizes that are not positive.
    """
    _check(arrival_rates, groups)
    classes, names = list(arrival_rates), list(groups)
    pairs = [(c, g) for c in classes for g in names if c in groups[g].service_rates]
    doing = np.zeros((len(classes), len(pairs) + 1))
    using = np.zeros((len(names), len(pairs) + 1))
    for column, (class_name, name) in enumerate(pairs):
        doing[classes.index(class_name), column] = groups[name].service_rates[class_name]
        using[names.index(name), column] = 1
    using[:, -1] = [-group.size for group in groups.values()]
    optimum = minimise(
        np.eye(len(pairs) + 1)[-1],
        equal=(doing, np.array(list(arrival_rates.values()))),
        at_most=(using, np.zeros(len(names))),
    )
    if optimum is None:
        raise LabError("The planning problem has no solution: its numbers are too far apart")
    return CapacityLimit(
        utilisation=optimum.value,
        by_arrival_rate=dict(zip(classes, optimum.equal_slopes.tolist(), strict=True)),
        by_group_size=dict(
            zip(names, (optimum.at_most_slopes * optimum.value).tolist(), strict=True)
        ),
        work=dict(zip(pairs, optimum.solution[:-1].tolist(), strict=True)),
    )


def capacity_limit_of(system: System) -> CapacityLimit:
    """Solve the planning problem of a system, each agent a group."""
    groups = {
        agent: PlannedGroup(1, {c.name: rate for c in system.classes if agent in c.agents})
        for agent, rate in system.service_rates.items()
    }
    return capacity_limit({c.name: c.arrival_rate for c in system.classes}, groups)


def _check(arrival_rates: Mapping[str, float], groups: Mapping[str, PlannedGroup]) -> None:
    rates = [rate for group in groups.values() for rate in group.service_rates.values()]
    sizes = [group.size for group in groups.values()]
    if not arrival_rates or min([*arrival_rates.values(), *rates, *sizes]) <= 0:
        raise LabError("Planning needs classes, and rates and group sizes above 0")
    for name in arrival_rates:
        if not any(name in group.service_rates for group in groups.values()):
            raise Unservable(f"No group may serve class {name}: give it one or leave it out")
