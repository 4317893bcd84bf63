"""Agents: who is there, and how much room they have."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from shared.db.models import Agent, AgentTeam
from shared.db.models.base import table
from shared.domain.agent import Presence
from shared.observability.figures import (
    AGENTS,
    AGENTS_AVAILABLE,
    TEAM_AGENTS,
    TEAM_CAPACITY,
    TEAM_LOAD,
    Figure,
    Sample,
)

_AGENTS, _TEAMS = table(Agent), table(AgentTeam)


def read(connection: Connection, _: datetime) -> dict[Figure, Sequence[Sample]]:
    """Return agents by presence, and by team with load and capacity; no team is the team “”."""
    agent = _AGENTS.c
    roomy = case((agent.load < agent.capacity, 1), else_=0)
    query = select(agent.presence, func.count(), func.sum(roomy)).group_by(agent.presence)
    found = {presence: (count, room) for presence, count, room in connection.execute(query)}
    online = found.get(Presence.ONLINE, (0, 0))
    query_of_teams = (
        select(
            func.coalesce(_TEAMS.c.team, ""),
            agent.presence,
            func.count(),
            func.sum(agent.load),
            func.sum(agent.capacity),
        )
        .select_from(_AGENTS.outerjoin(_TEAMS, _TEAMS.c.agent_id == agent.id))
        .group_by(_TEAMS.c.team, agent.presence)
    )
    teams = connection.execute(query_of_teams).all()
    return {
        AGENTS: [((each.value,), found.get(each, (0, 0))[0]) for each in Presence],
        AGENTS_AVAILABLE: [((), int(online[1]))],
        TEAM_AGENTS: [((team, presence), count) for team, presence, count, _, _ in teams],
        TEAM_LOAD: [((team, presence), int(load)) for team, presence, _, load, _ in teams],
        TEAM_CAPACITY: [((team, presence), int(room)) for team, presence, _, _, room in teams],
    }
