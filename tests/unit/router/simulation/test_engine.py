"""The engine: the same every time, by production's plugins, within shifts and capacity."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from services.router.matching import Pipeline
from services.router.model import Candidate, Context, Subject
from services.router.orders import Order, Waiting
from services.router.profile import parse_profile
from services.router.scorers import Scorer
from services.router.simulation.draws import DrawsBy
from services.router.simulation.engine import Simulation
from services.router.simulation.measures import measure
from services.router.strategy import Strategy, StrategyBuilder
from tests.unit.router.simulation.desks import HOUR, desk, simulate, system_x, world

WORK_DAY = [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "16:00"}]


@pytest.mark.parametrize("draws", DrawsBy)
def test_the_same_seed_gives_the_same_result(draws: DrawsBy) -> None:
    first, second = (simulate(system_x(100), {}, 7, draws) for _ in range(2))
    np.testing.assert_array_equal(first.wait_s, second.wait_s)
    assert first.busy_s == second.busy_s


def test_another_seed_gives_another_result() -> None:
    assert simulate(system_x(100), {}, 1).mean_wait_s != simulate(system_x(100), {}, 2).mean_wait_s


def test_profiles_meet_the_same_tickets() -> None:
    one, other = (simulate(system_x(100), p) for p in ({}, {"scorers": {"random": 1}}))
    np.testing.assert_array_equal(one.arrived_s, other.arrived_s)


class OnlyTheLast(Scorer):
    """A strange taste."""

    name = "only_the_last"

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return 1.0 if candidate.id.endswith("2") else 0.0


class YoungestFirst(Order):
    """A strange order."""

    name = "youngest_first"

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return (float(ticket.priority.rank),)


def test_a_planted_scorer_decides() -> None:
    desk_of_three = desk({"any": 0.5}, {f"agent {n}": ("any",) for n in range(3)}, 300)
    strategy = StrategyBuilder().build(parse_profile("plain", 1, {}))
    pipeline = replace(strategy.pipeline, scorers=((OnlyTheLast(), 1.0),))
    assert isinstance(pipeline, Pipeline)
    usual = Simulation(desk_of_three, strategy, 1).run().served
    planted = Simulation(desk_of_three, replace(strategy, pipeline=pipeline), 1).run().served
    assert planted["agent 2"] > 1.5 * usual["agent 2"]


def test_a_planted_order_decides() -> None:
    urgent = {"name": "urgent", "rate": 0.4, "priority": "critical", "target": "9h"}
    usual = {"name": "usual", "rate": 0.4, "priority": "low", "target": "1h"}
    busy = world(
        {
            "horizon": "500h",
            "classes": [urgent, usual],
            "agents": [{"name": "agent", "rate": 1}],
        }
    )
    strategy = StrategyBuilder().build(parse_profile("plain", 1, {"order": "first_come"}))

    def wait_of_urgent(strategy: Strategy) -> float:
        return measure(busy, Simulation(busy, strategy, 1).run()).groups["urgent"]["mean_wait_s"]

    assert wait_of_urgent(replace(strategy, order=YoungestFirst())) < 0.6 * wait_of_urgent(strategy)


def test_nobody_begins_work_off_shift() -> None:
    office = world(
        {
            "horizon": "14d",
            "start": "2026-01-05T00:00:00Z",
            "classes": [{"name": "any", "rate": 0.2}],
            "agents": [{"name": "agent", "rate": 2, "shifts": WORK_DAY}],
        }
    )
    found = simulate(office, {})
    assert not np.isnan(found.wait_s).any()
    starts = (found.arrived_s + found.wait_s) / HOUR
    assert np.all((starts % 24 >= 8) & (starts % 24 < 16))
    assert np.all((starts // 24) % 7 < 5)


def test_what_nobody_can_ever_serve_is_counted() -> None:
    office = system_x(100)
    nobody = tuple(
        replace(worker, shifts=(), candidate=replace(worker.candidate, shift=Never()))
        if worker.id == "a"
        else worker
        for worker in office.workers
    )
    found = measure(office, simulate(replace(office, workers=nobody), {}))
    assert found.values["unserved"] == 0
    alone = tuple(
        replace(w, shifts=(), candidate=replace(w.candidate, shift=Never())) for w in nobody
    )
    found = measure(office, simulate(replace(office, workers=alone), {}))
    assert found.values["unserved"] == found.tickets
    assert found.values["sla"] == 0


class Never:
    """Working hours of somebody who never comes."""

    def on(self, now: object) -> bool:
        return False

    def left(self, now: object) -> timedelta | None:
        return None

    def next_start(self, now: object) -> datetime | None:
        return None


def test_a_ticket_that_is_handed_on_goes_to_somebody_else() -> None:
    agents = [
        {"name": "novice", "rate": 1, "handover": {"any": 0.5}},
        {"name": "expert", "rate": 1},
    ]
    found = simulate(
        world({"horizon": "200h", "classes": [{"name": "any", "rate": 0.5}], "agents": agents}),
        {},
    )
    assert found.handovers.sum() > 10
    assert found.handovers.max() == 1
    assert sum(found.served.values()) == found.wait_s.size


def test_heavy_tickets_take_more_room() -> None:
    agents = [{"name": "agent", "rate": 1, "capacity": 2}]
    desk_of_one = world(
        {"horizon": "300h", "classes": [{"name": "any", "rate": 0.8}], "agents": agents}
    )
    light = simulate(desk_of_one, {}).mean_wait_s
    heavy = simulate(desk_of_one, {"priority_weights": {"medium": 2}}).mean_wait_s
    assert heavy > 2 * light
