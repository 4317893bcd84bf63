"""Rule sets over the API: versions, whole or not at all; and what the router makes of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.db.engine import Database
from shared.db.models import ConfigurationVersion
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.desk import Desk
from tests.problems import assert_problem
from tests.rows import rows
from tests.waiting import eventually

URL = "/v1/routing/rules"


def rule(name: str, when: str = "true", **then: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "then": then}


def put(desk: Desk, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(desk.ok("PUT", URL, {"rules": list(rules), **more}))


def test_a_desk_begins_with_version_0_which_has_no_rules(desk: Desk) -> None:
    response = desk.call("GET", URL)
    assert response.headers["ETag"] == '"0"'
    empty = {"version": 0, "created_at": None, "time_zone": "UTC", "rules": []}
    assert response.get_json() == empty == desk.ok("GET", f"{URL}?version=0")
    assert desk.ok("GET", f"{URL}/versions") == {"items": [], "next": None}


def test_a_rule_set_is_read_as_it_was_put(desk: Desk) -> None:
    desk.team("network")
    desk.skill("vpn", "french")
    desk.ok("PUT", "/v1/routing/profiles/calm", {})
    desk.sla_policy("gold")
    whole = rule(
        "everything",
        'ticket.category == "vpn" && time.hour < 18',
        team="network",
        priority="high",
        urgency="low",
        required_skills=[{"skill": "vpn", "level": 2, "drop_after": 600}],
        preferred_skills=[{"skill": "french", "level": 1}],
        tags=["vip"],
        sla_policy="gold",
        profile="calm",
        delay="90m",
        stop=True,
    )
    response = desk.call("PUT", URL, {"rules": [whole], "time_zone": "Europe/Berlin"})
    assert response.headers["ETag"] == '"1"'
    read = desk.ok("GET", URL)
    assert read == response.get_json()
    assert (read["version"], read["time_zone"]) == (1, "Europe/Berlin")
    whole["then"]["required_skills"][0]["drop_after"] = "10m"
    assert read["rules"] == [whole]


def test_versions_stay_and_are_listed_the_newest_first(desk: Desk) -> None:
    made = [put(desk, *[rule(str(n)) for n in range(count)]) for count in (2, 0, 1)]
    for document in made:
        assert desk.ok("GET", f"{URL}?version={document['version']}") == document
    first = desk.ok("GET", f"{URL}/versions?limit=2")
    assert [(each["version"], each["count"]) for each in first["items"]] == [(3, 1), (2, 0)]
    assert first["items"][0]["created_at"] == made[2]["created_at"]
    rest = desk.ok("GET", f"{URL}/versions?limit=2&after={first['next']}")
    assert [each["version"] for each in rest["items"]] == [1]
    assert rest["next"] is None


def test_a_version_that_does_not_exist_is_not_found(desk: Desk) -> None:
    assert_problem(desk.call("GET", f"{URL}?version=7"), 404, "not-found")
    response = desk.call("GET", f"{URL}?version=last")
    assert_problem(response, 422, "invalid-input", ["/query/version"])
    response = desk.call("GET", f"{URL}/versions?after=-1")
    assert_problem(response, 422, "invalid-input", ["/query/after"])


def test_if_match_guards_against_overwriting_what_others_did(desk: Desk) -> None:
    body = {"rules": [rule("mine")]}
    assert desk.call("PUT", URL, body, headers={"If-Match": '"0"'}).status_code == 200
    response = desk.call("PUT", URL, {"rules": []}, headers={"If-Match": '"0"'})
    problem = assert_problem(response, 412, "version-mismatch")
    assert (problem["version"], "rule set" in problem["detail"]) == (1, True)
    assert desk.ok("GET", URL)["rules"] == [{**rule("mine"), "then": {"stop": False}}]


def test_of_many_who_replace_the_same_version_one_wins(desk: Desk) -> None:
    def replace(number: int) -> int:
        body = {"rules": [rule(str(number))]}
        return desk.call("PUT", URL, body, headers={"If-Match": '"0"'}).status_code

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(replace, range(8)))
    assert found == [200] + [412] * 7
    assert desk.ok("GET", URL)["version"] == 1


def test_a_rule_set_is_applied_whole_or_not_at_all(desk: Desk, database: Database) -> None:
    put(desk, rule("before"))
    version = rows(database, ConfigurationVersion)
    bad = [
        rule("fine"),
        rule("odd", 'ticket.category ==\n  "vpn" && ticket.nobody'),
        rule("fine", team="No Team"),
        rule("broken", "time.hour"),
    ]
    response = desk.call("PUT", URL, {"rules": bad, "time_zone": "Mars/Olympus"})
    pointers = ["/rules/1/when", "/rules/2/then/team", "/rules/3/when", "/time_zone"]
    problem = assert_problem(response, 422, "invalid-input", pointers)
    details = {each["pointer"]: each["detail"] for each in problem["errors"]}
    assert details["/rules/1/when"].startswith("Line 2, column 18: there is no 'ticket.nobody'")
    assert desk.ok("GET", URL)["version"] == 1
    assert rows(database, ConfigurationVersion) == version


def test_all_names_that_do_not_exist_are_told_at_once(desk: Desk) -> None:
    desk.skill("vpn")
    bad = [
        rule("a", required_skills=[{"skill": "vpn"}, {"skill": "dns"}]),
        rule("b", team="nobody", preferred_skills=[{"skill": "mac"}]),
    ]
    pointers = [
        "/rules/0/then/required_skills/1/skill",
        "/rules/1/then/preferred_skills/0/skill",
        "/rules/1/then/team",
    ]
    assert_problem(desk.call("PUT", URL, {"rules": bad}), 422, "invalid-input", pointers)


def test_a_rule_names_a_profile_that_exists(desk: Desk) -> None:
    desk.ok("PUT", "/v1/routing/profiles/calm", {})
    put(desk, rule("a", profile="calm"))
    bad = [rule("a", profile="calm"), rule("b", profile="wild")]
    refused = desk.call("PUT", URL, {"rules": bad})
    assert_problem(refused, 422, "invalid-input", ["/rules/1/then/profile"])


def test_rules_route_by_condition_and_one_without_an_answer_stops_nothing(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    desk.team("network")
    desk.ok("PUT", "/v1/routing/profiles/calm", {})
    desk.sla_policy("gold")
    agent = desk.agent(5, teams=["network"])
    desk.agent(5)
    put(
        desk,
        rule("vip first", "ticket.custom_fields.vip == true", priority="critical"),
        rule("french", 'requester.locale.startsWith("fr")', priority="low"),
        rule(
            "vpn",
            'ticket.subject.matches("(?i)\\\\bvpn\\\\b") && "remote" in ticket.tags',
            team="network",
            sla_policy="gold",
            profile="calm",
        ),
    )
    start_host(runtime, ["router"])
    ticket_id = desk.ticket(tags=["remote"])["id"]
    assert eventually(lambda: desk.assignee(ticket_id)) == agent
    explanation = desk.decisions(ticket_id)[0]["explanation"]
    assert explanation["rules_fired"] == ["vpn"]
    assert (explanation["sla_policy"], explanation["profile"]["name"]) == ("gold", "calm")
    vip, french = explanation["rule_errors"]
    assert vip.startswith("rule 'vip first': Key not found")
    assert french.startswith("rule 'french': No matching overload")
