"""The list of tickets: filters, orders, pages, sparse fields."""

from typing import Any

import pytest

from services.intake import ticket_list
from tests.fixtures.shops import Shop
from tests.problems import assert_problem


@pytest.fixture
def tickets(shop: Shop) -> dict[str, str]:
    """Six tickets of different kinds, made an hour apart; names to ids."""
    shop.desk.team("network")
    shop.desk.agent(10, teams=["network"], email="ann@example.com")
    kinds: dict[str, dict[str, Any]] = {
        "vpn": {"team": "network", "category": "vpn", "tags": ["laptop"], "priority": "high"},
        "dns": {"team": "network", "category": "dns", "priority": "low"},
        "bill": {"category": "billing", "type": "complaint", "channel": "email"},
        "spam": {"channel": "web"},
        "done": {"category": "vpn", "tags": ["laptop", "vip"], "severity": "critical"},
        "named": {"external_id": "case-7", "product": "gateway"},
    }
    made = {}
    for name, kind in kinds.items():
        made[name] = str(shop.desk.ticket(subject=name, **kind)["id"])
        shop.later(hours=1)
    shop.desk.step(made["spam"], "mark_spam")
    shop.desk.step(made["done"], "resolve")
    return made


def names(shop: Shop, query: str) -> list[str]:
    items = shop.desk.ok("GET", f"/v1/tickets?{query}")["items"]
    return [item["subject"] for item in items]


def pages(shop: Shop, query: str) -> list[str]:
    """All that a query finds, page by page."""
    found, cursor = [], ""
    while cursor is not None:
        page = shop.desk.ok("GET", f"/v1/tickets?{query}&after={cursor}")
        found += [item["subject"] for item in page["items"]]
        cursor = page["next"]
    return found


QUERIES = [
    ("", ["named", "done", "spam", "bill", "dns", "vpn"]),
    ("sort=number", ["vpn", "dns", "bill", "spam", "done", "named"]),
    ("sort=-updated_at&limit=3", ["named", "done", "spam"]),
    ("sort=updated_at&limit=1", ["dns"]),
    ("sort=due", ["vpn", "bill", "named", "dns"]),
    ("status=resolved,spam", ["done", "spam"]),
    ("status=open&team=network", ["dns", "vpn"]),
    ("team=none", ["named", "done", "spam", "bill"]),
    ("team=none,network&limit=3", ["named", "done", "spam"]),
    ("assignee=none", []),
    ("priority=high,low", ["dns", "vpn"]),
    ("type=complaint", ["bill"]),
    ("channel=email,web", ["spam", "bill"]),
    ("severity=critical", ["done"]),
    ("category=vpn", ["done", "vpn"]),
    ("category=vpn&status=open", ["vpn"]),
    ("product=gateway", ["named"]),
    ("tag=laptop", ["done", "vpn"]),
    ("tag=vip,none-such", ["done"]),
    ("external_id=case-7", ["named"]),
    ("number=2", ["dns"]),
    ("sla_policy=none&limit=1", ["named"]),
    ("team=no-such-team", []),
    ("category=%27%3B%20DROP%20TABLE%20tickets", []),
]


def test_filters_and_orders(shop: Shop, tickets: dict[str, str], subtests: pytest.Subtests) -> None:
    for query, found in QUERIES:
        with subtests.test(query=query):
            assert names(shop, query) == found


def test_times_bound_what_is_listed(shop: Shop, tickets: dict[str, str]) -> None:
    dns = shop.desk.read(tickets["dns"])
    at = dns["created_at"]
    assert names(shop, f"created_before={at}") == ["vpn"]
    assert names(shop, f"created_after={at}&created_before=2999-01-01T00:00:00Z")[-1] == "bill"
    assert "dns" not in names(shop, f"updated_after={dns['updated_at']}")
    assert names(shop, f"due_before={dns['expected_resolution_at']}&sort=due") == [
        "vpn",
        "bill",
        "named",
    ]


def test_a_span_of_time_is_listed_the_same_however_it_is_found(
    shop: Shop, tickets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = shop.desk.read(tickets["dns"])["created_at"]
    queries = [
        f"{span}={at}&sort={sort}&limit=2{more}"
        for span in ("created_after", "updated_after", "due_before", "created_before")
        for sort in ("number", "-number", "updated_at", "-updated_at", "due")
        for more in ("", "&team=none")
    ]
    found = [[pages(shop, query) for query in queries]]
    # Some of them along the order, the rest by the span or, where it holds too many, by the order.
    for near, few in ((1, 100), (3, 100), (3, 0), (1, 0)):
        monkeypatch.setattr(ticket_list, "NEAR", near)
        monkeypatch.setattr(ticket_list, "FEW", few)
        found.append([pages(shop, query) for query in queries])
    assert all(each == found[0] for each in found)
    assert ["named", "done", "spam", "bill"] in found[0]


def test_a_requesters_tickets_are_listed(shop: Shop, tickets: dict[str, str]) -> None:
    other = {"name": "Ann Lee", "email": "ann@example.com"}
    made = shop.desk.ticket(subject="other", requester=other)
    assert names(shop, f"requester={made['requester']['id']}") == ["other"]


def test_an_agents_tickets_are_listed(shop: Shop, tickets: dict[str, str]) -> None:
    agent = shop.desk.assignee(tickets["vpn"])
    assert names(shop, f"assignee={agent}&status=open") == ["named", "bill", "dns", "vpn"]
    [item] = shop.desk.ok("GET", f"/v1/tickets?number=1&assignee={agent}")["items"]
    assert item["assignee"]["email"] == "ann@example.com"


def test_pages_hold_each_ticket_once_whatever_changes_meanwhile(
    shop: Shop, tickets: dict[str, str], subtests: pytest.Subtests
) -> None:
    for sort in ("number", "-number", "updated_at", "-updated_at", "due"):
        with subtests.test(sort=sort):
            assert pages(shop, f"sort={sort}&limit=2") == names(shop, f"sort={sort}")


def test_a_cursor_belongs_to_its_order(shop: Shop, tickets: dict[str, str]) -> None:
    cursor = shop.desk.ok("GET", "/v1/tickets?limit=1")["next"]
    response = shop.desk.call("GET", f"/v1/tickets?sort=due&after={cursor}")
    assert_problem(response, 422, "invalid-input", ["/query/after"])


def test_only_the_fields_that_are_asked_for_are_answered(
    shop: Shop, tickets: dict[str, str]
) -> None:
    page = shop.desk.ok("GET", "/v1/tickets?number=1&fields=number,subject")
    assert page["items"] == [{"number": 1, "subject": "vpn"}]


REFUSED = [
    ("status=asleep", "/query/status"),
    ("status=", "/query/status"),
    ("priority=high,", "/query/priority"),
    ("sort=subject", "/query/sort"),
    ("fields=number,secret", "/query/fields"),
    ("number=0", "/query/number"),
    ("number=99999999999999999999", "/query/number"),
    ("created_after=yesterday", "/query/created_after"),
    ("team=" + ",".join(map(str, range(21))), "/query/team"),
    ("category=" + "x" * 256, "/query/category"),
    ("limit=201", "/query/limit"),
    ("colour=red", "/query/colour"),
]


def test_a_query_that_makes_no_sense_is_refused(shop: Shop, subtests: pytest.Subtests) -> None:
    for query, pointer in REFUSED:
        with subtests.test(query=query):
            response = shop.desk.call("GET", f"/v1/tickets?{query}")
            assert_problem(response, 422, "invalid-input", [pointer])
