"""The index of agents learns of every change, also of one that was not committed when it looked."""

import itertools
from collections.abc import Callable

from sqlalchemy import update

from services.router.agent_index import AgentIndex
from services.router.pool import Pool
from shared.db.models import Agent
from shared.db.models.base import table
from shared.domain.agent import Presence
from shared.runtime import Runtime
from tests.desk import Desk
from tests.factories import NOW
from tests.fixtures.modes import Mode
from tests.fixtures.shops import Shop
from tests.waiting import eventually

_AGENTS = table(Agent)


def look(index: AgentIndex, runtime: Runtime) -> Pool:
    with runtime.database.transaction() as tx:
        return index.pool(tx, 1, NOW)


def known(pool: Pool) -> dict[str, tuple[object, ...]]:
    """What a pool knows, in comparable form."""
    facts = pool.facts
    return {
        agent.id: (
            agent.presence,
            agent.load,
            agent.capacity,
            dict(agent.skills),
            agent.teams,
            agent.languages,
            bool(facts.presences.get(agent.presence, 0) & pool.named((agent.id,))),
            bool(pool.full(1) & pool.named((agent.id,))),
        )
        for agent in pool.members(facts.everyone)
    }


def test_what_changed_is_learned_and_equals_what_a_new_index_reads(
    desk: Desk, runtime: Runtime
) -> None:
    desk.skill("vpn", "dns")
    desk.team("first")
    index = AgentIndex()
    assert known(look(index, runtime)) == {}
    agents = [desk.agent(3, skills={"vpn": 2}) for _ in range(3)]
    changes: list[Callable[[], object]] = [
        lambda: desk.presence(agents[0], "away"),
        lambda: desk.change_agent(agents[1], capacity=0),
        lambda: desk.change_agent(agents[1], skills=[{"skill": "dns", "level": 5}]),
        lambda: desk.change_agent(agents[2], teams=["first"], languages=["en"]),
        lambda: desk.agent(1),
        lambda: desk.presence(agents[0], "online"),
    ]
    for change in changes:
        change()
        assert known(look(index, runtime)) == known(look(AgentIndex(), runtime))


def test_two_edits_in_the_same_moment_are_both_learned(shop: Shop) -> None:
    shop.desk.skill("vpn")
    agent = shop.desk.agent(3)
    index = AgentIndex()
    look(index, shop.runtime)
    for level in (2, 4):
        shop.desk.change_agent(agent, skills=[{"skill": "vpn", "level": level}])
        assert known(look(index, shop.runtime))[agent][3] == {"vpn": level}


def test_a_change_that_commits_after_a_later_one_was_read_is_not_missed(
    desk: Desk, runtime: Runtime, new_runtime: Callable[..., Runtime], mode: Mode
) -> None:
    """Where transactions overlap: the older number commits last."""
    slow, quick = desk.agent(3), desk.agent(3)
    index, other = AgentIndex(), new_runtime()
    look(index, runtime)
    away = {"presence": Presence.AWAY}
    with other.database.transaction() as tx:
        tx.execute(update(_AGENTS).where(_AGENTS.c.id == slow).values(**away))
        if mode.distributed:
            desk.presence(quick, "away")
            seen = look(index, runtime)
            assert known(seen)[quick][0] is Presence.AWAY
            assert known(seen)[slow][0] is Presence.ONLINE
    assert known(look(index, runtime))[slow][0] is Presence.AWAY


def test_only_what_changed_is_read_again(desk: Desk, runtime: Runtime) -> None:
    agents = [desk.agent(3) for _ in range(5)]
    index = AgentIndex()
    turns = itertools.cycle(("away", "online"))

    def unchanged() -> list[str]:
        before = look(index, runtime)
        desk.presence(agents[0], next(turns))
        after = look(index, runtime)
        return [
            agent_id
            for agent_id in agents
            if before.candidates[before.facts.positions[agent_id]]
            is after.candidates[after.facts.positions[agent_id]]
        ]

    # Before, also those whose transactions a look could not tell from running ones.
    eventually(lambda: unchanged() == agents[1:])
