"""What cannot be promised is refused with a pointer, and changes nothing."""

from copy import deepcopy
from typing import Any

import pytest

from shared.domain.sla import DEFAULT_DOCUMENT
from tests.desk import Desk
from tests.fixtures.shops import Shop

GOOD: dict[str, Any] = {"targets": DEFAULT_DOCUMENT["targets"]}


def put(desk: Desk, name: str = "gold", **changed: Any) -> Any:
    return desk.call("PUT", f"/v1/sla-policies/{name}", {**GOOD, **changed})


def pointers(response: Any) -> list[str]:
    assert response.status_code == 422, response.get_data(as_text=True)
    return [error["pointer"] for error in response.get_json()["errors"]]


def targets(**changed: Any) -> dict[str, Any]:
    """The default targets, with some of high priority changed."""
    document = deepcopy(DEFAULT_DOCUMENT["targets"])
    document["high"] |= changed
    return {"targets": document}


SENSELESS = [
    ({"targets": {}}, "/targets/critical"),
    ({"targets": {**GOOD["targets"], "urgent": {}}}, "/targets/urgent"),
    (targets(resolution=None), "/targets/high/resolution"),
    (targets(resolution="soon"), "/targets/high/resolution"),
    (targets(resolution="4 h"), "/targets/high/resolution"),
    (targets(resolution=59), "/targets/high/resolution"),
    (targets(resolution=-60), "/targets/high/resolution"),
    (targets(resolution=True), "/targets/high/resolution"),
    (targets(resolution="367d"), "/targets/high/resolution"),
    (targets(resolution="9999999999d"), "/targets/high/resolution"),
    (targets(first_response=1.5), "/targets/high/first_response"),
    (targets(close="1h"), "/targets/high/close"),
    ({"warn_share": 0}, "/warn_share"),
    ({"warn_share": 1}, "/warn_share"),
    ({"warn_share": "much"}, "/warn_share"),
    ({"pauses": {"resolution": ["open"]}}, "/pauses/resolution/0"),
    ({"pauses": {"resolution": ["on_hold", "on_hold"]}}, "/pauses/resolution/1"),
    ({"pauses": {"close": []}}, "/pauses/close"),
    ({"calendar": "nowhere"}, "/calendar"),
    ({"calendar": "No Where"}, "/calendar"),
    ({"title": "x" * 129}, "/title"),
    ({"bogus": 1}, "/bogus"),
]


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_policy_that_makes_no_sense_is_refused(desk: Desk, subtests: pytest.Subtests) -> None:
    for changed, pointer in SENSELESS:
        with subtests.test(changed=changed):
            assert pointer in pointers(put(desk, **changed))
            assert desk.call("GET", "/v1/sla-policies/gold").status_code == 404


def test_a_policy_needs_a_name_that_can_be_one(desk: Desk) -> None:
    assert pointers(put(desk, "Not%20a%20name")) == ["/name"]


def test_nobody_overwrites_what_others_did(desk: Desk) -> None:
    first = put(desk)
    assert first.headers["ETag"] == '"1"'
    path = "/v1/sla-policies/gold"
    changed = {**GOOD, "title": "Gold"}
    assert desk.call("PUT", path, changed, headers={"If-Match": '"1"'}).headers["ETag"] == '"2"'
    refused = desk.call("PUT", path, GOOD, headers={"If-Match": '"1"'})
    assert (refused.status_code, refused.get_json()["version"]) == (412, 2)


def test_policies_are_listed_by_name_as_they_were_put(desk: Desk) -> None:
    put(desk, title="Gold", warn_share=0.5)
    found = desk.ok("GET", "/v1/sla-policies")["items"]
    assert [each["name"] for each in found] == ["default", "gold"]
    gold = desk.ok("GET", "/v1/sla-policies/gold")
    assert found[1] == gold
    assert (gold["title"], gold["warn_share"], gold["targets"]) == ("Gold", 0.5, GOOD["targets"])
    assert gold["pauses"] == DEFAULT_DOCUMENT["pauses"]


def test_a_policy_in_use_is_not_deleted_and_says_by_whom(desk: Desk) -> None:
    put(desk)
    desk.team("network", sla_policy="gold")
    rules = [{"name": "vip", "then": {"sla_policy": "gold"}}]
    desk.ok("PUT", "/v1/routing/rules", {"rules": rules})
    ticket_id = desk.ticket(team="network")["id"]
    detail = _refused(desk, "gold")
    assert "team 'network'" in detail
    assert "rule 'vip'" in detail
    desk.ok("PATCH", "/v1/teams/network", {"sla_policy": None})
    desk.ok("PUT", "/v1/routing/rules", {"rules": []})
    assert "running" in _refused(desk, "gold")
    desk.step(ticket_id, "resolve")
    assert desk.call("DELETE", "/v1/sla-policies/gold").status_code == 204
    assert desk.call("DELETE", "/v1/sla-policies/gold").status_code == 404
    assert "every ticket" in _refused(desk, "default")
    assert desk.sla(ticket_id)["policy"] == {"name": "default", "version": 1}


def _refused(desk: Desk, name: str) -> str:
    response = desk.call("DELETE", f"/v1/sla-policies/{name}")
    assert response.status_code == 409
    return str(response.get_json()["detail"])


def test_a_policy_made_anew_goes_on_counting_its_versions(shop: Shop) -> None:
    """Tickets of the one before must not be recomputed by the new one."""
    desk = shop.desk
    desk.sla_policy("gold", "4h")
    desk.team("network", sla_policy="gold")
    ticket_id = desk.ticket(team="network")["id"]
    desk.step(ticket_id, "resolve")
    desk.ok("PATCH", "/v1/teams/network", {"sla_policy": None})
    assert desk.call("DELETE", "/v1/sla-policies/gold").status_code == 204
    assert desk.sla_policy("gold", "1h")["version"] == 2
    assert desk.sla(ticket_id)["clocks"][1]["target_s"] == 4 * 3600


def test_who_names_a_policy_that_is_not_there_is_refused(desk: Desk) -> None:
    rules = [
        {"name": "one", "then": {"sla_policy": "default"}},
        {"name": "two", "then": {"sla_policy": "gold"}},
    ]
    refused = desk.call("PUT", "/v1/routing/rules", {"rules": rules})
    assert pointers(refused) == ["/rules/1/then/sla_policy"]
    assert desk.ok("GET", "/v1/routing/rules")["version"] == 0
    team = {"name": "network", "sla_policy": "gold"}
    assert pointers(desk.call("POST", "/v1/teams", team)) == ["/sla_policy"]
    desk.team("network")
    refused = desk.call("PATCH", "/v1/teams/network", {"sla_policy": "gold"})
    assert pointers(refused) == ["/sla_policy"]


def test_the_clocks_of_no_ticket_are_not_found(desk: Desk) -> None:
    assert desk.call("GET", "/v1/tickets/tkt_0/sla").status_code == 404
