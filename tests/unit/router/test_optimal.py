"""Optimal matching: as many as can be, the most urgent first, then the best total."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.matching import MatchingTable, Wanted
from services.router.matching.check import check_choices
from services.router.matching.greedy import GreedyMatcher
from services.router.matching.optimal import OptimalMatcher
from services.router.model import Candidate, Choice, Need
from services.router.pool import loaded
from tests.factories import NOW
from tests.routing import (
    ANYBODY,
    CONTEXT,
    candidate,
    candidates,
    easy_needs,
    needs,
    table_of,
    wanted,
    weights,
)


def run(matcher: GreedyMatcher | OptimalMatcher, agents: Sequence[Candidate], asked: list[Wanted]):
    table = table_of(agents)
    before = table.candidates()
    choices = matcher.match(table, asked)
    check_choices(table, before, asked, choices)
    return choices


def served(choices: Sequence[Choice]) -> list[bool]:
    return [choice.winner is not None for choice in choices]


def total(choices: Sequence[Choice]) -> float:
    return sum(
        scored.total
        for choice in choices
        for scored in choice.ranking
        if choice.winner is not None and scored.candidate.id == choice.winner.id
    )


def winners(choices: Sequence[Choice]) -> list[str | None]:
    return [choice.winner and choice.winner.id for choice in choices]


def test_it_finds_the_exchange_that_greedy_misses() -> None:
    both, only_vpn = candidate(1, skills={"vpn": 5, "dns": 5}), candidate(2, skills={"vpn": 1})
    agents = [both, only_vpn]
    for agent in range(2):
        agents[agent] = candidate(agent + 1, capacity=1, skills=agents[agent].skills)
    asked = wanted([Need(None, (("vpn", 1),)), Need(None, (("dns", 1),))], {"skill_fit": 1.0})
    assert winners(run(GreedyMatcher(), agents, asked)) == ["agt_0001", None]
    assert winners(run(OptimalMatcher(), agents, asked)) == ["agt_0002", "agt_0001"]


def test_of_too_many_the_most_urgent_are_served() -> None:
    asked = wanted([ANYBODY] * 5, {"random": 1.0})
    assert served(run(OptimalMatcher(), [candidate(capacity=3)], asked)) == [True] * 3 + [False] * 2


def test_a_less_urgent_ticket_never_costs_a_more_urgent_one_its_place() -> None:
    need = Need(None, (("vpn", 1),))
    expert = candidate(1, capacity=1, skills={"vpn": 5})
    asked = wanted([need, need], {"skill_fit": 1000.0})
    assert served(run(OptimalMatcher(), [expert], asked)) == [True, False]


def test_who_is_preferred_gets_the_ticket_whatever_the_scores_say() -> None:
    agents = [candidate(1, capacity=9), candidate(2, capacity=9, load=8), candidate(3)]
    plain, former, also = wanted([ANYBODY] * 3, {"least_loaded": 1000.0})
    asked = [plain, replace(former, prefer="agt_0002"), replace(also, prefer="agt_0002")]
    choices = run(OptimalMatcher(), agents, asked)
    assert winners(choices)[0] in {"agt_0001", "agt_0003"}
    assert winners(choices)[1:].count("agt_0002") == 1, "there is room for one"
    gone = [replace(ticket, prefer="agt_0009") for ticket in asked]
    assert winners(run(OptimalMatcher(), agents, gone)) == winners(
        run(OptimalMatcher(), agents, [plain, former, also])
    )


def test_a_preference_never_leaves_another_ticket_unserved() -> None:
    expert, other = candidate(1, capacity=1, skills={"vpn": 1}), candidate(2, capacity=1)
    anything, vpn = wanted([ANYBODY, Need(None, (("vpn", 1),))])
    choices = run(OptimalMatcher(), [expert, other], [replace(anything, prefer=expert.id), vpn])
    assert winners(choices) == [other.id, expert.id]


def test_the_load_that_a_batch_brings_counts_within_the_batch() -> None:
    agents = [candidate(1, capacity=10), candidate(2, capacity=10, load=3)]
    choices = run(OptimalMatcher(), agents, wanted([ANYBODY] * 7, {"least_loaded": 1.0}))
    assert Counter(winners(choices)) == {"agt_0001": 5, "agt_0002": 2}
    loads = sorted(choice.winner.load for choice in choices if choice.winner.id == "agt_0001")
    assert loads == [0, 1, 2, 3, 4], "each is ranked with the load it meets"


def test_an_agent_gets_as_many_as_fit_where_nobody_else_may() -> None:
    agents = [candidate(1, capacity=40, skills={"vpn": 1}), *(candidate(n) for n in range(2, 30))]
    asked = wanted([Need(None, (("vpn", 1),))] * 50)
    assert Counter(winners(run(OptimalMatcher(), agents, asked))) == {"agt_0001": 40, None: 10}


def test_who_is_left_over_hears_why() -> None:
    [_, unserved] = run(OptimalMatcher(), [candidate(capacity=1)], wanted([ANYBODY] * 2))
    assert unserved.reason == "is at capacity (1)"
    [nobody] = run(OptimalMatcher(), [], wanted([ANYBODY]))
    assert nobody.reason == "there are no agents"
    assert run(OptimalMatcher(), [candidate()], []) == []


def test_more_tickets_than_the_short_list_is_long_are_all_served() -> None:
    agents = [candidate(number, capacity=1) for number in range(60)]
    choices = run(OptimalMatcher(), agents, wanted([ANYBODY] * 60, shortlist=5))
    assert len(set(winners(choices))) == 60


@given(candidates(), st.lists(needs, max_size=10), weights)
def test_it_is_never_over_capacity_and_never_serves_fewer_than_greedy(
    agents: list[Candidate], asked: list[Need], counted: dict[str, float]
) -> None:
    tickets = wanted(asked, counted)
    greedy, optimal = (run(m, agents, tickets) for m in (GreedyMatcher(), OptimalMatcher()))
    assert (sum(served(optimal)), served(optimal)) >= (sum(served(greedy)), served(greedy))


@given(candidates(), st.lists(easy_needs, min_size=1, max_size=10), weights)
def test_where_greedy_serves_everybody_the_total_is_no_worse(
    agents: list[Candidate], asked: list[Need], counted: dict[str, float]
) -> None:
    tickets = wanted(asked, counted)
    first = run(GreedyMatcher(), agents, tickets)
    tickets = [ticket for ticket, got_one in zip(tickets, served(first), strict=True) if got_one]
    greedy = run(GreedyMatcher(), agents, tickets)
    assert all(served(greedy))
    assert total(run(OptimalMatcher(), agents, tickets)) >= total(greedy) - 1e-9


def every_assignment(
    table: MatchingTable, tickets: Sequence[Wanted], agents: Sequence[Candidate]
) -> Iterator[tuple[int, list[bool], float]]:
    """Yield the worth of each possible assignment: how many, which, the total of scores."""
    for chosen in product([None, *agents], repeat=len(tickets)):
        now = {agent.id: agent for agent in agents}
        worth, possible = 0.0, True
        for ticket, agent in zip(tickets, chosen, strict=True):
            if agent is None:
                continue
            there, decides = now[agent.id], ticket.pipeline
            need = ticket.subject.need
            if any(f.reject(need, there, table.context) for f in decides.filters):
                possible = False
                break
            worth += sum(
                w * s.score(ticket.subject, there, table.context) for s, w in decides.scorers
            )
            now[agent.id] = loaded(there, need.weight, NOW)
        if possible:
            which = [agent is not None for agent in chosen]
            yield sum(which), which, worth


@given(candidates(most=3), st.lists(easy_needs, min_size=1, max_size=4), weights)
def test_on_small_cases_it_equals_the_best_of_all_assignments(
    agents: list[Candidate], asked: list[Need], counted: dict[str, float]
) -> None:
    tickets = wanted(asked, counted)
    table = table_of(agents)
    count, which, worth = max(every_assignment(table, tickets, agents))
    choices = run(OptimalMatcher(), agents, tickets)
    assert (sum(served(choices)), served(choices)) == (count, which)
    assert total(choices) == pytest.approx(worth, abs=1e-9)


@given(candidates(), st.lists(easy_needs, max_size=8))
def test_the_same_inputs_give_the_same_winners_whatever_the_order_of_candidates(
    agents: list[Candidate], asked: list[Need]
) -> None:
    tickets = wanted(asked)
    assert total(run(OptimalMatcher(), agents, tickets)) == pytest.approx(
        total(run(OptimalMatcher(), agents[::-1], tickets))
    )
    assert winners(run(OptimalMatcher(), agents, tickets)) == winners(
        run(OptimalMatcher(), agents, tickets)
    )


def test_scipy_is_imported_only_with_the_matcher_that_needs_it() -> None:
    script = """
import sys, services.router.strategy as strategy, services.router.profile as profile
strategy.StrategyBuilder().build(profile.parse_profile("greedy", 1, {}))
assert "scipy" not in sys.modules and "numpy" not in sys.modules
strategy.StrategyBuilder().build(profile.parse_profile("best", 1, {"matcher": "optimal"}))
assert "scipy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_context_of_the_table_is_the_one_that_was_given() -> None:
    assert table_of([candidate()]).context.now == CONTEXT.now
