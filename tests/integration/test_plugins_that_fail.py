"""A plugin that fails, wherever the router asks it, is left out and named; tickets go on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.observability import metrics
from shared.plugins import installed
from tests import failing_plugins
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound

LIMIT_S = 0.2
EVERYTHING = [(kind, name) for kind, name, _ in failing_plugins.PLUGINS]
#: The routing list asks no order.
WHILE_ROUTING = [(kind, name) for kind, name in EVERYTHING if kind != "order"]
FILTERS = [(kind, name) for kind, name in EVERYTHING if kind == "filter"]


@pytest.fixture
def broken(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop where the failing plugins are installed, and do not get long."""
    packages = tmp_path / "packages"
    packages.mkdir()
    failing_plugins.distribution(packages)
    monkeypatch.syspath_prepend(packages)
    installed.cache_clear()
    shop.repository.watchdog.limit_s = LIMIT_S
    yield shop
    installed.cache_clear()


def use(shop: Shop, kind: str, name: str) -> None:
    """Let a plugin take part for the team `first`."""
    document: dict[str, Any] = {
        "filter": {"filters": [name, "team", "skills", "presence", "capacity"]},
        "scorer": {"scorers": {name: 1.0, "least_loaded": 0.5}},
        "matcher": {"matcher": name},
        "order": {"order": name},
    }[kind]
    shop.desk.ok("PUT", "/v1/routing/profiles/theirs", document)
    shop.desk.team("first", profile="theirs")


def faults(shop: Shop, ticket: str) -> list[tuple[str, str]]:
    """Return what the last decision about a ticket went on without."""
    last = shop.desk.decisions(ticket)[-1]
    assert last["outcome"] == "assigned"
    return [(fault["kind"], fault["plugin"]) for fault in last["explanation"]["faults"]]


def counted(kind: str, name: str) -> float:
    return float(metrics.plugin_faults.labels(kind, name)._value.get())


def test_a_profile_that_names_a_missing_plugin_is_refused(shop: Shop) -> None:
    body = {"filters": ["team", "filter_raises"]}
    refused = shop.desk.call("PUT", "/v1/routing/profiles/theirs", body)
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/filters/1"


@pytest.mark.parametrize(("kind", "name"), WHILE_ROUTING)
def test_new_tickets_are_assigned_without_it(broken: Shop, kind: str, name: str) -> None:
    use(broken, kind, name)
    agent = broken.desk.agent(5, teams=["first"])
    tickets = [broken.desk.ticket(team="first")["id"] for _ in range(2)]
    before = counted(kind, name)
    broken.settle()
    assert [broken.desk.assignee(ticket) for ticket in tickets] == [agent] * 2
    assert [faults(broken, ticket) for ticket in tickets] == [[(kind, name)]] * 2
    assert counted(kind, name) > before
    assert_sound(broken.runtime.database)


@pytest.mark.parametrize(("kind", "name"), EVERYTHING)
def test_waiting_tickets_are_assigned_without_it(broken: Shop, kind: str, name: str) -> None:
    use(broken, kind, name)
    tickets = [
        broken.desk.ticket(team="first", priority=priority)["id"] for priority in ("low", "high")
    ]
    broken.settle()
    agent = broken.desk.agent(5, teams=["first"])
    before = counted(kind, name)
    broken.settle()
    assert [broken.desk.assignee(ticket) for ticket in tickets] == [agent] * 2
    assert [faults(broken, ticket) for ticket in tickets] == [[(kind, name)]] * 2
    assert counted(kind, name) > before
    assert_sound(broken.runtime.database)


@pytest.mark.parametrize(("kind", "name"), FILTERS)
def test_an_assigned_ticket_is_looked_at_again_without_it(
    broken: Shop, kind: str, name: str
) -> None:
    use(broken, kind, name)
    broken.desk.skill("vpn")
    vpn = {"required_skills": [{"skill": "vpn", "level": 2}]}
    rules = [{"name": "vpn", "when": 'ticket.category == "vpn"', "then": vpn}]
    broken.desk.ok("PUT", "/v1/routing/rules", {"rules": rules})
    first = broken.desk.agent(5, teams=["first"])
    stays, goes = (broken.desk.ticket(team="first")["id"] for _ in range(2))
    broken.settle()
    assert broken.desk.assignee(stays) == broken.desk.assignee(goes) == first
    second = broken.desk.agent(5, teams=["first"], skills={"vpn": 3})
    before = counted(kind, name)
    broken.desk.ok("PATCH", f"/v1/tickets/{stays}", {"category": "mail"})
    broken.desk.ok("PATCH", f"/v1/tickets/{goes}", {"category": "vpn"})
    broken.settle()
    assert (broken.desk.assignee(stays), broken.desk.assignee(goes)) == (first, second)
    assert counted(kind, name) > before
    assert_sound(broken.runtime.database)


def test_one_that_fails_does_not_touch_other_profiles(broken: Shop) -> None:
    use(broken, "filter", "filter_raises")
    broken.desk.team("second")
    broken.desk.agent(5, teams=["first", "second"])
    ours, theirs = (broken.desk.ticket(team=team)["id"] for team in ("second", "first"))
    broken.settle()
    assert faults(broken, ours) == []
    assert faults(broken, theirs) == [("filter", "filter_raises")]
