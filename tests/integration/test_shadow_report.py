"""Profiles compared over the API and the command line: shadows, and trials by their outcome."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from services.router.team_policy import in_trial
from shared.db import trial_report
from shared.db.models import Decision
from shared.db.routing_report import LOOKS_BACK
from shared.schemas.shadow import ShadowReportSchema
from tests.factories import NOW
from tests.fixtures.shops import Shop
from tests.problems import assert_problem
from tests.rows import rows


def told(shop: Shop, query: str = "") -> dict[str, Any]:
    found = shop.desk.ok("GET", f"/v1/routing/shadow{query}")
    assert ShadowReportSchema().validate(found) == {}
    return dict(found)


def shadowed(shop: Shop) -> list[str]:
    """Two teams with shadows that part in half of their decisions and in none; returns agents."""
    shop.desk.ok("PUT", "/v1/routing/profiles/live", {"scorers": {"least_loaded": 1.0}})
    shop.desk.ok("PUT", "/v1/routing/profiles/by_skill", {"scorers": {"skill_fit": 1.0}})
    shop.desk.skill("vpn")
    shop.desk.team("net", profile="live", shadow_profile="by_skill")
    shop.desk.team("calm", profile="live", shadow_profile="live")
    agents = [
        shop.desk.agent(4, teams=["net", "calm"], skills={"vpn": 1}, name="Roomy"),
        shop.desk.agent(4, teams=["net"], skills={"vpn": 5}, name="Expert"),
    ]
    for team in ("net", "net", "calm"):
        shop.desk.ticket(team=team, required_skills=[{"skill": "vpn", "level": 1}])
        shop.later(seconds=1)
    return agents


def test_shadows_are_reported_by_team(shop: Shop) -> None:
    roomy, expert = shadowed(shop)
    calm, net = told(shop)["shadows"]
    assert (calm["team"], calm["agreement"], calm["parted"]) == ("calm", 1.0, [])
    assert (net["decisions"], net["agreed"], net["agreement"]) == (2, 1, 0.5)
    assert (net["live_profile"], net["shadow_profile"]) == ("live", "by_skill")
    assert (net["only_live_waits"], net["only_shadow_waits"], net["with_faults"]) == (0, 0, 0)
    assert net["parted"] == [
        {
            "live_agent_id": roomy,
            "live_agent": "Roomy",
            "shadow_agent_id": expert,
            "shadow_agent": "Expert",
            "decisions": 1,
        }
    ]
    # First both are empty; then live and shadow agree on the one who still is.
    assert net["load_share"] == {"decisions": 2, "live": 0.0, "shadow": 0.0, "difference": 0.0}
    assert net["score"]["difference"] == 0.0
    # After the first ticket one of two has it, in both; after the second each has one.
    assert net["balance"] == {"decisions": 2, "live": 0.75, "shadow": 0.75, "difference": 0.0}


def test_a_report_is_of_one_team_and_of_a_time(shop: Shop) -> None:
    shadowed(shop)
    assert [each["team"] for each in told(shop, "?team=net")["shadows"]] == ["net"]
    since = told(shop, "?since=2026-03-01T12:00:01.2Z")
    assert [(each["team"], each["decisions"]) for each in since["shadows"]] == [
        ("calm", 1),
        ("net", 1),
    ]
    shop.later(days=LOOKS_BACK.days, seconds=1)
    assert told(shop)["shadows"] == []


def test_what_cannot_be_asked_is_refused(shop: Shop) -> None:
    unknown = shop.desk.call("GET", "/v1/routing/shadow?team=nowhere")
    assert_problem(unknown, 404, "not-found")
    for query in ("since=yesterday", "since=2026-03-01T12:00:00", "team=No%20Slug", "limit=3"):
        refused = shop.desk.call("GET", f"/v1/routing/shadow?{query}")
        assert refused.status_code == 422, query


@pytest.mark.parametrize(("percent", "decided"), [(0, "live"), (100, "candidate")])
def test_none_or_all_tickets_go_to_the_trial(shop: Shop, percent: int, decided: str) -> None:
    trial(shop, percent)
    shop.desk.agent(20, teams=["net"])
    for _ in range(10):
        shop.desk.ticket(team="net")
    shop.settle()
    assert {row["profile"] for row in rows(shop.runtime.database, Decision)} == {decided}
    [found] = told(shop)["trials"]
    counts = {arm["profile"]: arm["tickets"] for arm in (found["live"], found["trial"])}
    assert counts == {"live": 0, "candidate": 0} | {decided: 10}
    assert found["differences"] == []


def trial(shop: Shop, percent: int) -> None:
    for name in ("live", "candidate"):
        shop.desk.ok("PUT", f"/v1/routing/profiles/{name}", {"scorers": {"least_loaded": 1.0}})
    shop.desk.team("net", profile="live", trial_profile="candidate", trial_percent=percent)


def test_a_trial_is_reported_by_what_became_of_its_tickets(shop: Shop) -> None:
    trial(shop, 50)
    agent = shop.desk.agent(1, teams=["net"], presence="offline")
    tickets = {"live": list[str](), "candidate": list[str]()}
    while min(map(len, tickets.values())) < 2:
        ticket = shop.desk.ticket(team="net", priority="critical")["id"]
        tickets["candidate" if in_trial(ticket, 50) else "live"].append(ticket)
        shop.later(seconds=0)
    everything = [*tickets["candidate"][:2], *tickets["live"][:2]]
    # Of each arm the first is done in time, the second too late; the trial's were served first.
    shop.later(seconds=600)
    shop.desk.change_agent(agent, capacity=50)
    shop.desk.presence(agent, "online")
    shop.settle()
    shop.later(seconds=600)
    for ticket in everything[::2]:
        shop.desk.step(ticket, "resolve", resolution={"summary": "s"})
    shop.later(seconds=3600)
    for ticket in everything[1::2]:
        shop.desk.step(ticket, "resolve", resolution={"summary": "s"})
    shop.desk.step(everything[0], "reopen")
    shop.settle()
    [found] = told(shop)["trials"]
    assert (found["team"], found["trial_percent"]) == ("net", 50)
    live, other = found["live"], found["trial"]
    assert live["tickets"] == live["assigned"] == len(tickets["live"])
    assert (live["resolved"], other["resolved"]) == (2, 1)
    assert live["wait_s"] == {"mean": 600.0, "p50": 600.0, "p95": 600.0}
    assert live["resolution_s"] == {"mean": 3000.0, "p50": 3000.0, "p95": 4620.0}
    assert (live["reopen_rate"], other["reopen_rate"]) == (0.0, 0.5)
    # One in time; the other, and all that nobody resolved within the hour, are late.
    assert live["sla_attainment"] == pytest.approx(1 / len(tickets["live"]))
    assert other["sla_attainment"] == 0.0
    differences = {each["measure"]: each for each in found["differences"]}
    assert differences["reopen_rate"]["difference"] == 0.5
    assert differences["reopen_rate"]["low"] is None
    shares = [row["load_share"] for row in rows(shop.runtime.database, Decision)]
    assert {0.0, 0.02} < set(shares)


def test_intervals_come_with_ten_tickets_a_side(shop: Shop) -> None:
    trial(shop, 50)
    shop.desk.agent(100, teams=["net"])
    counts = [0, 0]
    while min(counts) < 10:
        ticket = shop.desk.ticket(team="net")["id"]
        counts[in_trial(ticket, 50)] += 1
        shop.later(seconds=1)
    [found] = told(shop)["trials"]
    assert [found["live"]["tickets"], found["trial"]["tickets"]] == counts
    [load] = [each for each in found["differences"] if each["measure"] == "load_share"]
    assert load["low"] < load["difference"] < load["high"]


def test_tickets_of_others_do_not_count(shop: Shop) -> None:
    trial(shop, 100)
    agent = shop.desk.agent(9, teams=["net"])
    shop.desk.ticket()
    by_hand = shop.desk.ticket(team="net")["id"]
    shop.desk.ok("PUT", f"/v1/tickets/{by_hand}/assignment", {"agent_id": agent})
    shop.settle()
    [found] = told(shop)["trials"]
    assert (found["live"]["tickets"], found["trial"]["tickets"]) == (0, 0)


def test_a_report_says_when_there_were_more_tickets_than_it_looks_at(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial(shop, 100)
    shop.desk.agent(9, teams=["net"])
    for _ in range(3):
        shop.desk.ticket(team="net")
        shop.later(seconds=1)
    assert told(shop)["complete"]
    monkeypatch.setattr(trial_report, "MAX_TICKETS", 2)
    found = told(shop)
    assert (found["complete"], found["trials"][0]["trial"]["tickets"]) == (False, 2)
    assert told(shop, "?since=2026-03-01T12:00:01Z")["complete"]


def test_an_empty_desk_has_an_empty_report(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(shop)
    assert (found["shadows"], found["trials"], found["complete"]) == ([], [], True)
    shop.desk.ok("PUT", "/v1/routing/profiles/candidate", {})
    shop.desk.team("net", trial_profile="candidate", trial_percent=50)
    [trial] = told(shop)["trials"]
    nothing = {"mean": None, "p50": None, "p95": None}
    assert (trial["live"]["wait_s"], trial["live"]["reopen_rate"]) == (nothing, None)
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", shop.runtime.settings.database_url)
    shop.desk.ok("PATCH", "/v1/teams/net", {"trial_profile": None})
    result = CliRunner().invoke(cli, ["shadow", "report"])
    assert result.exit_code == 0, result.output
    assert "Nothing to compare" in result.output


def test_the_command_tells_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shadowed(shop)
    shop.desk.ok("PATCH", "/v1/teams/net", {"trial_profile": "by_skill", "trial_percent": 10})
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", shop.runtime.settings.database_url)
    # The desk's clock stands still in the past.
    command = ["shadow", "report", "--since", "36500d"]
    result = CliRunner().invoke(cli, [*command, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["shadows"] == told(shop, f"?since={found['since']}")["shadows"]
    shown = CliRunner().invoke(cli, command).stdout
    assert "Team net: shadow by_skill beside live" in shown
    assert "Agreement 50.0% of 2 decisions" in shown
    assert "Roomy" in shown
    assert "trial by_skill on 10 %" in shown
    of_one = CliRunner().invoke(cli, [*command, "--team", "calm", "--json"])
    assert [each["team"] for each in json.loads(of_one.stdout)["shadows"]] == ["calm"]
    wrong = CliRunner().invoke(cli, ["shadow", "report", "--since", "soon"])
    assert wrong.exit_code == 2
    assert "write 90s, 10m, 2h, 3d" in wrong.output
    assert told(shop)["until"].startswith(NOW.isoformat()[:10])
