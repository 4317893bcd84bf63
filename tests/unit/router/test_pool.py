"""Pools: sets of agents answer as asking each agent would, however the pool came to be."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.router.model import Candidate, Need
from services.router.pool import SHARES, Pool, bits, share_of
from services.router.pool_builder import PoolBuilder, pool_of
from shared.domain.agent import Presence
from shared.plugins import PluginKind, installed
from tests.factories import NOW
from tests.routing import CONTEXT, candidate, candidates, needs

FILTERS = [found.entry_point.load()() for found in installed(PluginKind.FILTER).values()]


@given(st.sets(st.integers(0, 400)))
def test_bits_are_the_positions_lowest_first(positions: set[int]) -> None:
    assert list(bits(sum(1 << position for position in positions))) == sorted(positions)


@given(candidates(), needs, st.integers(0, 63))
def test_each_filter_stops_the_same_agents_at_once_as_one_by_one(
    agents: list[Candidate], need: Need, mask: int
) -> None:
    pool = pool_of(agents)
    among = mask & pool.facts.everyone
    for filter_ in FILTERS:
        found: dict[str, str] = {}
        for reason, positions in filter_.stopped(need, pool, among, CONTEXT):
            for agent in pool.members(positions):
                assert agent.id not in found
                found[agent.id] = reason
        one_by_one = {
            agent.id: reason
            for agent in pool.members(among)
            if (reason := filter_.reject(need, agent, CONTEXT)) is not None
        }
        assert found == one_by_one, filter_.name


def picture(pool: Pool) -> dict[str, Any]:
    """What a pool knows, by ids and not by positions, which depend on history."""

    def ids(positions: int) -> frozenset[str]:
        return frozenset(agent.id for agent in pool.members(positions))

    def named(sets: Any) -> dict[Any, frozenset[str]]:
        return {key: ids(positions) for key, positions in sets.items() if positions}

    facts = pool.facts
    return {
        "candidates": {agent.id: agent for agent in pool.members(facts.everyone)},
        "teams": named(facts.teams),
        "skills": named(facts.skills),
        "presences": named(facts.presences),
        "speakers": named(facts.speakers),
        "polyglots": ids(facts.polyglots),
        "conflicts": named(facts.conflicts),
        "on_calendar": ids(facts.on_calendar),
        "supply": {skill: count for skill, count in facts.supply.items() if count},
        "full": {weight: ids(pool.full(weight)) for weight in (1, 2, 3, 7)},
        "shares": [ids(share) for share in pool.shares],
    }


@given(candidates(), st.lists(candidates(most=4), max_size=4), st.data())
def test_a_pool_that_followed_changes_equals_one_from_nothing(
    first: list[Candidate], later: list[list[Candidate]], data: st.DataObject
) -> None:
    builder = PoolBuilder(first)
    known = {agent.id: agent for agent in first}
    for changes in later:
        for agent in changes:
            builder.put(agent)
            known[agent.id] = agent
        for agent_id in data.draw(st.sets(st.sampled_from(["agt_0000", "agt_0002", "agt_9999"]))):
            builder.remove(agent_id)
            known.pop(agent_id, None)
        assert picture(builder.pool()) == picture(pool_of(list(known.values())))
    assert all(builder.get(agent_id) == agent for agent_id, agent in known.items())


@given(candidates(), st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), max_size=8))
def test_a_pool_in_which_tickets_were_taken_equals_one_of_those_loads(
    agents: list[Candidate], taken: list[tuple[int, int]]
) -> None:
    pool = pool_of(agents)
    pool.full(7)
    for number, weight in taken:
        if number < len(agents):
            pool.take(agents[number].id, weight, NOW)
    now = list(pool.members(pool.facts.everyone))
    assert picture(pool) == picture(pool_of(now))
    total = sum(weight for number, weight in taken if number < len(agents))
    assert sum(a.load for a in now) == sum(a.load for a in agents) + total


def test_a_pool_does_not_move_with_the_builder_that_made_it() -> None:
    builder = PoolBuilder([candidate(1), candidate(2)])
    pool = builder.pool()
    before = picture(pool)
    builder.put(candidate(1, presence=Presence.AWAY, load=4))
    builder.put(candidate(3))
    builder.remove("agt_0002")
    assert picture(pool) == before


def test_whom_nobody_knows_can_be_removed_and_is_not_named() -> None:
    builder = PoolBuilder([candidate(1)])
    builder.remove("agt_9999")
    assert builder.get("agt_9999") is None
    assert builder.pool().named(["agt_9999", "agt_0001"]) == 1


def test_shares_go_from_full_to_empty() -> None:
    assert share_of(candidate(capacity=0)) == 0
    assert share_of(candidate(capacity=3, load=5)) == 0
    assert share_of(candidate(capacity=100, load=50)) == (SHARES - 1) // 2
    assert share_of(candidate(capacity=3)) == SHARES - 1
