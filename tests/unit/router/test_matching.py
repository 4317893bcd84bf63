"""The table and greedy matching: bounded, deterministic, the most urgent first."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.matching import Fault
from services.router.matching.table import MAX_NAMED
from services.router.model import Candidate, Choice, Need
from shared.domain.agent import Presence
from shared.plugins import PluginKind
from tests.factories import NOW
from tests.routing import (
    ANYBODY,
    CONTEXT,
    candidate,
    candidates,
    match,
    needs,
    pipeline,
    table_of,
    wanted,
    weights,
)

ALONE = {"least_loaded": 1.0}


@given(candidates(), st.lists(needs, max_size=15), weights)
def test_nobody_is_filled_over_capacity_and_nobody_gets_what_a_filter_forbids(
    agents: list[Candidate], asked: list[Need], counted: dict[str, float]
) -> None:
    filters = pipeline().filters
    by_id = {agent.id: agent for agent in agents}
    given_to: Counter[str] = Counter()
    for need, choice in zip(asked, match(agents, asked, counted), strict=True):
        if choice.winner is None:
            continue
        agent = by_id[choice.winner.id]
        given_to[agent.id] += need.weight
        assert agent.load + given_to[agent.id] <= agent.capacity
        assert [f.name for f in filters if f.reject(need, agent, CONTEXT)] == []


@given(candidates(), st.lists(needs, max_size=10), weights)
def test_the_same_inputs_give_the_same_choices_whatever_the_order_of_candidates(
    agents: list[Candidate], asked: list[Need], counted: dict[str, float]
) -> None:
    def ids(choices: list[Choice]) -> list[list[str]]:
        return [[scored.candidate.id for scored in choice.ranking] for choice in choices]

    assert ids(match(agents, asked, counted)) == ids(match(agents[::-1], asked, counted))


@given(candidates(), st.lists(needs, max_size=10))
def test_every_candidate_is_either_ranked_or_rejected_once(
    agents: list[Candidate], asked: list[Need]
) -> None:
    for choice in match(agents, asked):
        named = [scored.candidate.id for scored in choice.ranking]
        named += [id_ for rejection in choice.rejections for id_ in rejection.agent_ids]
        assert sorted(named) == sorted(agent.id for agent in agents)
        assert choice.passed + sum(r.count for r in choice.rejections) == len(agents)


@given(candidates(), needs, st.integers(1, 12))
def test_the_room_for_a_need_is_how_many_tickets_find_an_agent(
    agents: list[Candidate], need: Need, tickets: int
) -> None:
    asked = wanted([need] * tickets)
    placed = [choice for choice in match(agents, [need] * tickets) if choice.winner]
    assert len(placed) == min(table_of(agents).room(asked[0]), tickets)


def test_the_ticket_that_comes_first_takes_the_best() -> None:
    expert, novice = candidate(1, capacity=1, skills={"vpn": 5}), candidate(2, skills={"vpn": 1})
    first, second = match([novice, expert], [Need(None, (("vpn", 1),))] * 2, {"skill_fit": 1.0})
    assert (first.winner, second.winner) == (expert, novice)


@pytest.mark.parametrize(
    ("scorer", "better", "worse"),
    [
        ("least_loaded", {"load": 1}, {"load": 4}),
        ("least_loaded", {"load": 2, "capacity": 10}, {"load": 1, "capacity": 2}),
        ("longest_idle", {"idle_since": NOW - timedelta(hours=2)}, {"idle_since": NOW}),
        ("skill_fit", {"skills": {"vpn": 5}}, {"skills": {"vpn": 2}}),
    ],
)
def test_a_weighed_scorer_decides(
    scorer: str, better: dict[str, Any], worse: dict[str, Any]
) -> None:
    agents = [candidate(1, **{"skills": {"vpn": 1}, **worse})]
    agents.append(candidate(2, **{"skills": {"vpn": 1}, **better}))
    [choice] = match(agents, [Need(None, (("vpn", 1),))], {scorer: 1.0})
    assert choice.winner == agents[1]
    [unweighed] = match(agents, [Need(None, (("vpn", 1),))], {scorer: 0.0})
    assert unweighed.winner == agents[0], "of equals the lower id"
    assert dict(unweighed.ranking[0].scores) == {}


def test_the_total_is_the_sum_of_score_times_weight() -> None:
    [choice] = match(
        [candidate(capacity=4, load=1, skills={"vpn": 3})],
        [Need(None, (("vpn", 1),))],
        {"least_loaded": 2.0, "skill_fit": 0.5},
    )
    [scored] = choice.ranking
    assert dict(scored.scores) == {"least_loaded": 0.75, "skill_fit": 0.6}
    assert scored.total == pytest.approx(2 * 0.75 + 0.5 * 0.6)


def test_load_is_spread_while_a_batch_is_matched() -> None:
    agents = [candidate(number, capacity=4) for number in range(3)]
    choices = match(agents, [ANYBODY] * 6, ALONE)
    given_to = Counter(choice.winner.id for choice in choices if choice.winner)
    assert given_to == {agent.id: 2 for agent in agents}


def test_round_robin_goes_round_within_a_batch() -> None:
    agents = [candidate(number, assigned_at=NOW - timedelta(hours=number)) for number in (3, 1, 2)]
    choices = match([*agents, candidate(9)], [ANYBODY] * 4, {"round_robin": 1.0})
    assert [choice.winner and choice.winner.id for choice in choices] == [
        "agt_0009",
        "agt_0003",
        "agt_0002",
        "agt_0001",
    ]


def test_the_weight_of_a_ticket_counts() -> None:
    agents = [candidate(1, capacity=3), candidate(2, capacity=2)]
    heavy, light = Need(None, (), weight=3), Need(None, ())
    choices = match(agents, [heavy, heavy, light, light, light], ALONE)
    assert [choice.winner and choice.winner.id for choice in choices] == [
        "agt_0001",
        None,
        "agt_0002",
        "agt_0002",
        None,
    ]
    assert choices[1].reason == "has no room for 3 (2)"


def test_only_those_with_most_room_are_scored_when_many_pass() -> None:
    agents = [candidate(number, capacity=10, load=number % 10) for number in range(100)]
    [choice] = match(agents, [ANYBODY], ALONE, shortlist=10)
    assert choice.passed == 100
    assert {scored.candidate.load for scored in choice.ranking} == {0}
    assert len(choice.ranking) == 10


def test_the_short_list_has_room_for_all_tickets_that_are_weighed_together() -> None:
    agents = [candidate(number, capacity=2) for number in range(100)]
    [ticket] = wanted([ANYBODY], ALONE, shortlist=10)
    table = table_of(agents)
    assert len(table.choose(ticket, tickets=20).ranking) == 10
    assert len(table.choose(ticket, tickets=50).ranking) == 25
    assert len(table.choose(ticket, tickets=1000).ranking) == 100


def test_reasons_name_a_bounded_number_of_agents_and_count_all() -> None:
    agents = [candidate(number) for number in range(60)]
    agents += [candidate(1000 + number, presence=Presence.AWAY) for number in range(250)]
    [choice] = match(agents, [ANYBODY])
    [rejection] = choice.rejections
    assert (rejection.filter, rejection.reason) == ("presence", "is away")
    assert (rejection.count, len(rejection.agent_ids)) == (250, MAX_NAMED)
    assert choice.passed == 60


def test_the_reason_to_wait_begins_with_the_most_frequent() -> None:
    away = [candidate(number, presence=Presence.AWAY) for number in range(3)]
    [choice] = match([*away, candidate(9, load=5)], [ANYBODY])
    assert choice.reason == "is away (3); is at capacity (1)"
    [nobody] = match([], [ANYBODY])
    assert nobody.reason == "there are no agents"


def test_what_is_taken_in_a_fork_is_not_taken_in_the_table() -> None:
    table = table_of([candidate(capacity=1)])
    [ticket] = wanted([ANYBODY])
    fork = table.fork()
    fork.take(fork.candidates()[0], ticket)
    assert fork.choose(ticket).winner is None
    assert table.choose(ticket).winner == candidate(capacity=1)


def test_a_pipeline_goes_without_the_plugin_that_failed_and_says_so() -> None:
    whole = pipeline({"random": 1.0, "least_loaded": 1.0})
    fault = Fault(PluginKind.SCORER, "random", "raised")
    assert [s.name for s, _ in whole.without(fault).scorers] == ["least_loaded"]
    assert whole.without(fault).faults == (fault,)
    other_kind = Fault(PluginKind.FILTER, "random", "raised")
    assert whole.without(other_kind) == whole, "a filter of that name is another plugin"
    no_skills = Fault(PluginKind.FILTER, "skills", "raised")
    assert "skills" not in [f.name for f in whole.without(no_skills).filters]
