"""Filters, scorers and greedy matching: pure, bounded, deterministic, the most urgent first."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.explanation import MAX_CANDIDATES, MAX_NAMED, explain
from services.router.filters import FILTERS
from services.router.matching import GreedyMatcher, MatchingTable
from services.router.model import Candidate, Need, Routed
from services.router.scorers import SCORERS
from shared.domain.agent import Presence
from shared.domain.ticket import Priority
from shared.schemas.decisions import ExplanationSchema
from shared.schemas.team import DEFAULT_WEIGHTS
from tests.factories import NOW

SKILLS = ("dns", "vpn")
TEAMS = ("first", "second")


def candidate(number: int = 1, **changed: Any) -> Candidate:
    values: dict[str, Any] = {
        "id": f"agt_{number:04}",
        "name": f"Agent {number}",
        "email": f"agent-{number}@example.com",
        "presence": Presence.ONLINE,
        "capacity": 5,
        "load": 0,
        "idle_since": NOW - timedelta(minutes=10),
        "teams": frozenset(),
        "skills": {},
    }
    return Candidate(**{**values, **changed})


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    return [
        candidate(
            number,
            presence=draw(st.sampled_from(Presence)),
            capacity=draw(st.integers(0, 4)),
            load=draw(st.integers(0, 6)),
            idle_since=NOW - timedelta(seconds=draw(st.integers(-5, 10_000))),
            teams=draw(st.frozensets(st.sampled_from(TEAMS))),
            skills=draw(st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5))),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


needs = st.builds(
    lambda team, skills: Need(team, tuple(sorted(skills.items()))),
    st.none() | st.sampled_from(TEAMS),
    st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5)),
)
weights = st.dictionaries(
    st.sampled_from([scorer.name for scorer in SCORERS]), st.floats(0, 1000, allow_nan=False)
)


def match(agents: list[Candidate], wanted: list[tuple[Need, dict[str, float]]]) -> list[Any]:
    """Match on copies; return the choices."""
    table = MatchingTable(FILTERS, SCORERS, copy.deepcopy(agents), NOW)
    return GreedyMatcher().match(table, wanted)


@given(candidates(), st.lists(st.tuples(needs, weights), max_size=15))
def test_nobody_is_filled_over_capacity_and_nobody_gets_what_a_filter_forbids(
    agents: list[Candidate], wanted: list[tuple[Need, dict[str, float]]]
) -> None:
    given_to = dict.fromkeys((agent.id for agent in agents), 0)
    by_id = {agent.id: agent for agent in agents}
    for (need, _), choice in zip(wanted, match(agents, wanted), strict=True):
        if choice.winner is None:
            continue
        agent = by_id[choice.winner.id]
        given_to[agent.id] += 1
        assert agent.load + given_to[agent.id] <= agent.capacity
        assert agent.presence is Presence.ONLINE
        assert need.team is None or need.team in agent.teams
        assert all(agent.skills.get(skill, 0) >= level for skill, level in need.skills)


@given(candidates(), st.lists(st.tuples(needs, weights), max_size=10))
def test_the_same_inputs_give_the_same_choices_whatever_the_order_of_candidates(
    agents: list[Candidate], wanted: list[tuple[Need, dict[str, float]]]
) -> None:
    def ids(choices: list[Any]) -> list[list[str]]:
        return [[scored.candidate.id for scored in choice.ranking] for choice in choices]

    assert ids(match(agents, wanted)) == ids(match(agents[::-1], wanted))


@given(candidates(), st.lists(st.tuples(needs, weights), max_size=10))
def test_every_candidate_is_either_ranked_or_rejected_once(
    agents: list[Candidate], wanted: list[tuple[Need, dict[str, float]]]
) -> None:
    for choice in match(agents, wanted):
        named = [scored.candidate.id for scored in choice.ranking]
        named += [id_ for rejection in choice.rejections for id_ in rejection.agent_ids]
        assert sorted(named) == sorted(agent.id for agent in agents)


@given(candidates(), needs, weights, st.integers(1, 12))
def test_the_room_for_a_need_is_how_many_tickets_find_an_agent(
    agents: list[Candidate], need: Need, given_weights: dict[str, float], tickets: int
) -> None:
    room = MatchingTable(FILTERS, SCORERS, agents, NOW).room(need)
    placed = [c.winner for c in match(agents, [(need, given_weights)] * tickets) if c.winner]
    assert len(placed) == min(room, tickets)


@given(candidates(), needs)
def test_scores_lie_between_0_and_1(agents: list[Candidate], need: Need) -> None:
    for agent in agents:
        for scorer in SCORERS:
            assert 0 <= scorer.score(need, agent, NOW) <= 1


def test_the_ticket_that_comes_first_takes_the_best() -> None:
    expert, novice = candidate(1, capacity=1, skills={"vpn": 5}), candidate(2, skills={"vpn": 1})
    need = Need(None, (("vpn", 1),))
    first, second = match([novice, expert], [(need, {"skill_fit": 1.0})] * 2)
    assert first.winner.id == expert.id
    assert second.winner.id == novice.id


@pytest.mark.parametrize(
    ("weight", "better", "worse"),
    [
        ("least_loaded", {"load": 1}, {"load": 4}),
        ("least_loaded", {"load": 2, "capacity": 10}, {"load": 1, "capacity": 2}),
        ("longest_idle", {"idle_since": NOW - timedelta(hours=2)}, {"idle_since": NOW}),
        ("skill_fit", {"skills": {"vpn": 5}}, {"skills": {"vpn": 2}}),
    ],
)
def test_a_weighed_scorer_decides(
    weight: str, better: dict[str, Any], worse: dict[str, Any]
) -> None:
    agents = [candidate(1, **{"skills": {"vpn": 1}, **worse})]
    agents.append(candidate(2, **{"skills": {"vpn": 1}, **better}))
    [choice] = match(agents, [(Need(None, (("vpn", 1),)), {weight: 1.0})])
    assert choice.winner.id == "agt_0002"
    [unweighed] = match(agents, [(Need(None, (("vpn", 1),)), {weight: 0.0})])
    assert unweighed.winner.id == "agt_0001"


def test_load_is_spread_while_a_batch_is_matched() -> None:
    agents = [candidate(number, capacity=4) for number in range(3)]
    choices = match(agents, [(Need(None, ()), {"least_loaded": 1.0})] * 6)
    winners = [choice.winner.id for choice in choices]
    assert {winner: winners.count(winner) for winner in winners} == {a.id: 2 for a in agents}


def test_scorers_and_default_weights_have_the_same_names() -> None:
    assert {scorer.name for scorer in SCORERS} == set(DEFAULT_WEIGHTS)
    assert len({filter_.name for filter_ in FILTERS}) == len(FILTERS)


def test_an_explanation_is_bounded_and_its_counts_are_complete() -> None:
    agents = [candidate(number) for number in range(60)]
    agents += [candidate(1000 + number, presence=Presence.AWAY) for number in range(250)]
    [choice] = match(agents, [(Need(None, ()), DEFAULT_WEIGHTS)])
    routed = Routed(Need(None, ()), Priority.HIGH, ("a rule",))
    document = explain(choice, routed, DEFAULT_WEIGHTS, 7)
    assert ExplanationSchema().validate(ExplanationSchema().dump(document)) == {}
    assert len(document["candidates"]) == MAX_CANDIDATES
    assert document["candidates_total"] == 60
    [rejection] = document["rejected"]
    assert (rejection["count"], len(rejection["agent_ids"])) == (250, MAX_NAMED)
    assert document["candidates"][0]["agent_id"] == choice.winner.id


def test_the_reason_to_wait_begins_with_the_most_frequent() -> None:
    away = [candidate(number, presence=Presence.AWAY) for number in range(3)]
    [choice] = match([*away, candidate(9, load=5)], [(Need(None, ()), {})])
    assert choice.reason == "is away (3); is at capacity (1)"
    [nobody] = match([], [(Need(None, ()), {})])
    assert nobody.reason == "there are no agents"
