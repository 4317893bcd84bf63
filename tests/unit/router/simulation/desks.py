"""Small desks to simulate, with an hour as the mean handling time."""

from collections.abc import Mapping
from random import Random
from typing import Any

import yaml

from services.router.profile import parse_profile
from services.router.simulation.desk import World
from services.router.simulation.draws import DrawsBy
from services.router.simulation.engine import Simulation
from services.router.simulation.outcome import Outcome
from services.router.simulation.scenario import scenario_world
from services.router.simulation.yaml_document import YamlDocument
from services.router.strategy import StrategyBuilder

HOUR = 3600.0

#: First come first served, by the agent who is idle longest.
FCFS_ALIS = {"scorers": {"longest_idle": 1}, "order": "first_come"}


def world(document: Mapping[str, Any]) -> World:
    return scenario_world(YamlDocument("desk.yaml", yaml.safe_dump(dict(document))))


def desk(
    rates: Mapping[str, float],
    agents: Mapping[str, tuple[str, ...]],
    hours: float,
    warm_up_hours: float = 0.0,
    speeds: Mapping[str, float] | None = None,
    **more: Any,
) -> World:
    """Classes by name with tickets an hour; agents with the classes they serve."""
    return world(
        {
            "horizon": f"{hours}h",
            "warm_up": f"{warm_up_hours}h",
            "classes": [
                {"name": name, "rate": rate, "skills": {name: 1}, "target": "2h"}
                for name, rate in rates.items()
            ],
            "agents": [
                {
                    "name": name,
                    "rate": (speeds or {}).get(name, 1.0),
                    "skills": dict.fromkeys(skills, 1),
                }
                for name, skills in agents.items()
            ],
            **more,
        }
    )


def system_x(hours: float, warm_up_hours: float = 0.0) -> World:
    """Four agents in a chain; the small reference system."""
    return desk(
        {"first": 0.9, "second": 1.1, "third": 0.8},
        {"a": ("first",), "b": ("first", "second"), "c": ("second", "third"), "d": ("third",)},
        hours,
        warm_up_hours,
    )


def random_desk(random: Random) -> World:
    """Two to four classes, two to five agents with random skills and speeds, some 40 tickets."""
    classes = [f"class-{number}" for number in range(random.randint(2, 4))]
    agents = {
        f"agent {number}": tuple(random.sample(classes, random.randint(1, len(classes))))
        for number in range(random.randint(2, 5))
    }
    agents["agent 0"] = tuple(classes)
    speeds = {name: random.choice((1.0, 1.0, 1.5, 0.7)) for name in agents}
    load = random.uniform(0.3, 0.6) * len(agents) / len(classes)
    rates = {name: load * random.uniform(0.3, 0.6) for name in classes}
    return desk(rates, agents, hours=40 / sum(rates.values()), speeds=speeds)


def simulate(
    world: World, profile: Mapping[str, Any], seed: int = 1, draws: DrawsBy = DrawsBy.START
) -> Outcome:
    strategy = StrategyBuilder().build(parse_profile("tested", 1, profile))
    assert strategy.pipeline.faults == ()
    return Simulation(world, strategy, seed, draws).run()
