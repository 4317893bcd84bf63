"""Scenario files: what is wrong is said with its line before anything runs."""

from pathlib import Path

import pytest

from services.router.simulation.scenario import START, scenario_world
from services.router.simulation.theory.errors import LabError, Unstable
from services.router.simulation.week import lay_out
from services.router.simulation.yaml_document import YamlDocument
from tests.unit.router.simulation.desks import desk

GOOD = """\
horizon: 100h
classes:
  - {name: vpn, rate: 1, skills: {vpn: 2}, team: network}
agents:
  - {name: agent, count: 2, rate: 1, skills: {vpn: 3}, teams: [network]}
"""


def refusal(text: str) -> str:
    with pytest.raises(LabError) as caught:
        scenario_world(YamlDocument("desk.yaml", text))
    return caught.value.detail


def test_a_good_scenario_becomes_agents_and_classes() -> None:
    world = scenario_world(YamlDocument("desk.yaml", GOOD))
    assert [worker.id for worker in world.workers] == ["agent 1", "agent 2"]
    assert world.handling.means == {"vpn": {"agent 1": 3600.0, "agent 2": 3600.0}}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("rate: 1, skills: {vpn: 2}", "rte: 1", "line 3, /classes/0/rte: Unknown field."),
        ("rate: 1, skills: {vpn: 2}", "rate: 0", "line 3, /classes/0/rate: Must be above 0."),
        ("{vpn: 3}", "{vpn: 9}", "line 5, /agents/0/skills/vpn: "),
        ("{vpn: 3}", "{vpn: 1}", "line 3, /classes/0: Nobody may serve class vpn"),
        ("[network]", "[sales]", "has its skills and is in its team."),
        ("100h", "soon", "line 1, /horizon: 'soon' is no length of time"),
        ("count: 2, rate: 1", "rates: {dns: 1}", "/agents/0/rates/dns: There is no class dns."),
        ("count: 2, rate: 1", "count: 2", "It is not said how fast they serve class vpn"),
        ("horizon: 100h", "horizon: 1h\nwarm_up: 2h", "/warm_up: Must be shorter"),
        ("horizon: 100h", "horizon: [", "this is no YAML"),
    ],
)
def test_a_mistake_is_refused_with_its_place(old: str, new: str, complaint: str) -> None:
    assert complaint in refusal(GOOD.replace(old, new))


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("rate: 1", "rate: -1")
    assert len(refusal(text).splitlines()) == 2


def test_more_work_than_anybody_can_do_is_refused_with_the_bottleneck() -> None:
    with pytest.raises(Unstable, match=r"takes 150% of the agents' time at best.*is slow"):
        desk({"slow": 1.5, "fast": 0.1}, {"a": ("slow",), "b": ("fast",)}, 100)


def test_shifts_over_midnight_are_laid_out_and_joined() -> None:
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    night = {"days": days, "start": "22:00", "end": "06:00"}
    morning = {"days": days, "start": "06:00", "end": "07:00"}
    laid_out = lay_out([night, morning], START, 86_400.0)
    assert laid_out == ((0.0, 7 * 3600.0), (22 * 3600.0, 30 * 3600.0))


def test_a_missing_file_is_told() -> None:
    with pytest.raises(LabError, match="cannot be read: No such file"):
        YamlDocument.read(Path("nowhere.yaml"))
