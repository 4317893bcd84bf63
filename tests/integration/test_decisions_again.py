"""A decision's record holds enough to make it again, and shows when somebody tampered with it."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from services.router.reexecution import decide_again
from services.router.strategy import StrategyBuilder
from tests.fixtures.shops import Shop

BUILDER = StrategyBuilder()


@pytest.fixture
def decided(shop: Shop) -> list[str]:
    """Twelve tickets among eight agents, of whom some are full, away or without the skill."""
    desk = shop.desk
    desk.skill("vpn", "dns")
    for number in range(6):
        desk.agent(1 + number % 4, skills={"vpn": 1 + number % 5, "dns": 2})
    desk.agent(5, skills={"dns": 1})
    desk.agent(5, skills={"vpn": 5}, presence="away")
    needs = [{"skill": "vpn", "level": 2}], [{"skill": "dns", "level": 1}], []
    tickets = []
    for number in range(12):
        tickets.append(desk.ticket(required_skills=needs[number % 3])["id"])
        shop.later(seconds=7)
    return tickets


def test_every_decision_is_made_again_with_the_same_result(shop: Shop, decided: list[str]) -> None:
    outcomes = set()
    for ticket in decided:
        for decision in shop.desk.decisions(ticket):
            explanation = decision["explanation"]
            again = decide_again(explanation, BUILDER)
            assert again.differences == ()
            best = again.choice.winner
            assert (best and best.id) == explanation["winner"] == decision["agent_id"]
            outcomes.add(decision["outcome"])
    assert "assigned" in outcomes


@pytest.mark.parametrize(
    "tamper",
    [
        lambda e: e["candidates"][0].update(total=9.0),
        lambda e: e["candidates"][0]["state"].update(load=99),
        lambda e: e["candidates"].reverse(),
        lambda e: e["weights"].update(least_loaded=50.0),
    ],
    ids=["total", "load", "order", "weight"],
)
def test_a_record_that_was_changed_is_found_out(
    shop: Shop, decided: list[str], tamper: Callable[[dict], None]
) -> None:
    explanation = shop.desk.decisions(decided[0])[0]["explanation"]
    assert len(explanation["candidates"]) > 1
    tamper(explanation)
    assert decide_again(explanation, BUILDER).differences


def test_the_command_shows_the_decision_and_makes_it_again(
    shop: Shop, decided: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", shop.runtime.settings.database_url)
    result = CliRunner().invoke(cli, ["explain", "1", "--check"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "assigned: Agent" in result.output
    assert "least_loaded x1" in result.output
    assert "is away" in result.output
    assert "the same result" in result.output
    told = CliRunner().invoke(cli, ["explain", decided[0], "--json"])
    assert json.loads(told.stdout)[0]["ticket_id"] == decided[0]
