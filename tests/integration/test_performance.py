"""What agents did is counted, and routing by it sends tickets to who is fast at them."""

from datetime import timedelta

import pytest

from shared.db.models import AgentPerformance
from shared.db.performance import count_performance
from tests.fixtures.shops import Shop
from tests.rows import rows


@pytest.fixture
def history(shop: Shop) -> tuple[Shop, str, str]:
    """One agent is fast with vpn and slow with dns, the other the reverse; ten tickets each."""
    one, two = shop.desk.agent(50), shop.desk.agent(50)
    for _ in range(5):
        for agent, category, minutes in (
            (one, "vpn", 5),
            (one, "dns", 60),
            (two, "vpn", 60),
            (two, "dns", 5),
        ):
            ticket = shop.desk.ticket(category=category)["id"]
            shop.settle()
            if shop.desk.assignee(ticket) != agent:
                shop.desk.ok("PUT", f"/v1/tickets/{ticket}/assignment", {"agent_id": agent})
            shop.clock.advance(timedelta(minutes=minutes))
            shop.desk.step(ticket, "resolve")
            shop.settle()
    count_performance(shop.runtime.database, shop.clock.now())
    return shop, one, two


def test_handling_times_are_means_by_agent_and_category(history: tuple[Shop, str, str]) -> None:
    shop, one, _ = history
    figures = {
        row["category"]: (row["tickets"], round(row["handling_s"]), row["reopened"])
        for row in rows(shop.runtime.database, AgentPerformance)
        if row["agent_id"] == one
    }
    assert figures == {"vpn": (5, 300, 0), "dns": (5, 3600, 0), "": (10, 1950, 0)}


def test_a_profile_that_weighs_speed_sends_tickets_to_the_fast(
    history: tuple[Shop, str, str],
) -> None:
    shop, one, two = history
    shop.desk.ok("PUT", "/v1/routing/profiles/quick", {"scorers": {"fastest": 1.0}})
    shop.desk.team("quick", profile="quick")
    for agent in (one, two):
        shop.desk.change_agent(agent, teams=["quick"])
    tickets = {c: shop.desk.ticket(category=c, team="quick")["id"] for c in ("vpn", "dns")}
    shop.settle()
    assert {c: shop.desk.assignee(t) for c, t in tickets.items()} == {"vpn": one, "dns": two}


def test_ratings_count_for_who_solved_it_last(shop: Shop) -> None:
    agent = shop.desk.agent(5)
    for score in (5, 2):
        ticket = shop.desk.ticket(category="vpn")["id"]
        shop.settle()
        shop.desk.step(ticket, "resolve")
        shop.desk.ok("PUT", f"/v1/tickets/{ticket}/satisfaction", {"score": score})
    shop.desk.ticket(category="dns")
    count_performance(shop.runtime.database, shop.clock.now())
    figures = {
        row["category"]: (row["agent_id"], row["rated"], row["satisfaction"])
        for row in rows(shop.runtime.database, AgentPerformance)
    }
    assert figures == {"vpn": (agent, 2, 0.625), "": (agent, 2, 0.625)}


def test_a_ticket_somebody_had_again_counts_as_reopened(shop: Shop) -> None:
    agent = shop.desk.agent(5)
    ticket = shop.desk.ticket(category="vpn")["id"]
    shop.settle()
    shop.later(minutes=1)
    shop.desk.step(ticket, "resolve")
    shop.desk.step(ticket, "reopen")
    shop.later(minutes=1)
    count_performance(shop.runtime.database, shop.clock.now())
    [vpn] = [
        row for row in rows(shop.runtime.database, AgentPerformance) if row["category"] == "vpn"
    ]
    assert (vpn["agent_id"], vpn["reopened"]) == (agent, 1)
