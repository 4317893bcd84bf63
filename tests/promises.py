"""What routing promises after every step and when it has come to rest, read from the tables.

Written without the router's filters, so that a mistake in those shows.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.db.engine import Database
from shared.db.models import Agent, AgentSkill, AgentTeam, Assignment, Decision, Requirement, Ticket
from shared.db.models.base import table
from shared.domain.agent import Presence
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState
from tests.invariants import violations
from tests.rows import rows

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Staff:
    """Everybody as they are now, with their skills and teams."""

    agents: Mapping[str, Row]
    skills: Mapping[tuple[str, str], int]
    teams: frozenset[tuple[str, str]]

    def objections(self, agent_id: str, need: Row, ticket: Row) -> Iterator[str]:
        """Yield why somebody must not have a ticket, whatever their load is."""
        agent = self.agents[agent_id]
        if agent["presence"] is not Presence.ONLINE:
            yield f"is {agent['presence']}"
        allowed = {need["team"], *need["overflow"]}
        if need["team"] and not any((agent_id, team) in self.teams for team in allowed):
            yield f"is in none of the teams {allowed}"
        for skill, level in need["skills"]:
            if self.skills.get((agent_id, skill), 0) < level:
                yield f"lacks {skill} at level {level}"
        for own in ticket["asked"]["required_skills"]:
            if self.skills.get((agent_id, own["skill"]), 0) < own["level"]:
                yield f"lacks {own['skill']}, which the ticket itself requires"
        if set(agent["conflicts"]) & set(ticket["tags"]):
            yield f"has a conflict of interest with {ticket['tags']}"
        if agent["languages"] and ticket["language"] not in (None, *agent["languages"]):
            yield f"does not speak {ticket['language']}"
        if agent_id in need["excluded"]:
            yield "is excluded"


def _staff(database: Database) -> _Staff:
    return _Staff(
        {row["id"]: row for row in rows(database, Agent)},
        {(row["agent_id"], row["skill"]): row["level"] for row in rows(database, AgentSkill)},
        frozenset((row["agent_id"], row["team"]) for row in rows(database, AgentTeam)),
    )


def after_every_step(database: Database) -> list[str]:
    """Return what is wrong now, whatever just happened."""
    return violations(database)


def after_the_router(database: Database, known: frozenset[str]) -> list[str]:
    """Return what is wrong with the assignments that the router made; `known` were there before.

    Nobody changed an agent since the router began.
    """
    staff = _staff(database)
    made = rows(database, Assignment, table(Assignment).c.id.not_in(known))
    tickets = {row["id"]: row for row in rows(database, Ticket)}
    asked = [row["decision_id"] for row in made]
    decided = {
        row["id"]: json.loads(row["explanation"])
        for row in rows(database, Decision, table(Decision).c.id.in_(asked))
    }
    found = []
    for row in made:
        agent, ticket = staff.agents[row["agent_id"]], tickets[row["ticket_id"]]
        need = decided[row["decision_id"]]["subject"]["need"]
        name = f"ticket {ticket['number']} went to {agent['name']}, who"
        found += [f"{name} {why}" for why in staff.objections(agent["id"], need, ticket)]
        if agent["load"] > agent["capacity"]:
            found.append(f"{name} has load {agent['load']} of {agent['capacity']}")
    return found


def at_rest(database: Database, now: datetime) -> list[str]:
    """Return what still could be done, once the router moves nothing and no moment has come."""
    staff = _staff(database)
    needs = {row["signature"]: row["need"] for row in rows(database, Requirement)}
    found = []
    for ticket in rows(database, Ticket):
        name, state = f"ticket {ticket['number']}", ticket["work_state"]
        if state is WorkState.DEAD:
            found.append(f"{name} is dead: {ticket['last_error']}")
        elif ticket["status"] is TicketStatus.NEW and state is WorkState.DONE:
            found.append(f"{name} is new and on no list")
        elif state in (WorkState.READY, WorkState.WAITING) and ticket["available_at"] <= now:
            found.append(f"{name} is {state} since {ticket['available_at']}")
        elif state is WorkState.WAITING:
            found += [
                f"{name} waits while {agent['name']} could take it"
                for agent in staff.agents.values()
                if _has_room(agent, needs[ticket["signature"]])
                and not any(staff.objections(agent["id"], needs[ticket["signature"]], ticket))
            ]
    return found


def _has_room(agent: Row, need: Row) -> bool:
    return bool(agent["load"] + need["weight"] <= agent["capacity"])
