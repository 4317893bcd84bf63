"""Intake's SQL for calendars and absences: who uses a calendar, and whom a change may free.

An agent whose hours or absences change may be at work from one moment to the next, so they go on
the matching list, as `repository.change_agent` puts them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select

from services.intake.repository import (
    AGENTS,
    CALENDARS,
    SLA_POLICIES,
    TEAMS,
    Rows,
    change_agent,
    one,
)
from shared.db.engine import Transaction, rows
from shared.db.models import Absence, AgentTeam
from shared.db.models.base import table
from shared.domain.agent import AbsenceSource
from shared.domain.errors import Conflict, NotFound
from shared.domain.work import WorkState

ABSENCES = table(Absence)
_AGENT_TEAMS = table(AgentTeam)


def delete_calendar(tx: Transaction, name: str) -> None:
    """Delete a calendar that nobody uses; raises Conflict with the numbers, or NotFound."""
    one(tx.connection, CALENDARS, name, "calendar")
    agents, teams, policies = (
        tx.execute(
            select(func.count()).select_from(each).where(each.c.calendar == name)
        ).scalar_one()
        for each in (AGENTS, TEAMS, SLA_POLICIES)
    )
    if agents or teams or policies:
        message = (
            f"The calendar is in use by {agents} agents, {teams} teams and {policies} SLA "
            "policies; give them another first."
        )
        raise Conflict(message, agents=agents, teams=teams, sla_policies=policies)
    tx.execute(delete(CALENDARS).where(CALENDARS.c.name == name))


def free_users(tx: Transaction, name: str, now: datetime) -> None:
    """Put the agents of a calendar, and the members of its teams, on the matching list."""
    members = select(_AGENT_TEAMS.c.agent_id).join(TEAMS, TEAMS.c.name == _AGENT_TEAMS.c.team)
    of_teams = AGENTS.c.id.in_(members.where(TEAMS.c.calendar == name))
    _free(tx, or_(AGENTS.c.calendar == name, of_teams), now)


def free_members(tx: Transaction, team: str, now: datetime) -> None:
    """Put the members of a team on the matching list."""
    members = select(_AGENT_TEAMS.c.agent_id).where(_AGENT_TEAMS.c.team == team)
    _free(tx, AGENTS.c.id.in_(members), now)


def _free(tx: Transaction, who: ColumnElement[bool], now: datetime) -> None:
    # Locked in the order of ids first: an update locks in any order, and could deadlock.
    ids = select(AGENTS.c.id).where(who).order_by(AGENTS.c.id).with_for_update(key_share=True)
    found = list(tx.execute(ids).scalars())
    changed = {"work_state": WorkState.READY, "available_at": now}
    tx.update(AGENTS, [{"id": agent_id, **changed} for agent_id in found])


def time_zone_of(connection: Connection, agent_id: str) -> str:
    """Return the zone an agent works in, UTC if nothing says so; raises NotFound."""
    agent = one(connection, AGENTS, agent_id, "agent")
    if agent["shifts"] is not None:
        return str(agent["shifts"]["time_zone"])
    if agent["calendar"] is not None:
        return str(one(connection, CALENDARS, agent["calendar"], "calendar")["time_zone"])
    return "UTC"


def absences_of(connection: Connection, agent_id: str, after: str, limit: int) -> Rows:
    """Return an agent's absences after an id, in order of ids; raises NotFound."""
    one(connection, AGENTS, agent_id, "agent")
    query = (
        select(ABSENCES)
        .where(ABSENCES.c.agent_id == agent_id, ABSENCES.c.id > after)
        .order_by(ABSENCES.c.id)
        .limit(limit)
    )
    return rows(connection, query)


def replace_imported(
    tx: Transaction, agent_id: str, absences: Sequence[Mapping[str, Any]], now: datetime
) -> int:
    """Put absences in the place of those imported before; return how many those were.

    The agent's row, changed first, makes concurrent imports take turns. Raises NotFound.
    """
    change_agent(tx, agent_id, {}, now)
    imported = (ABSENCES.c.agent_id == agent_id) & (ABSENCES.c.source == AbsenceSource.ICAL)
    replaced = len(tx.execute(delete(ABSENCES).where(imported).returning(ABSENCES.c.id)).all())
    tx.insert(ABSENCES, absences)
    return replaced


def delete_absence(tx: Transaction, agent_id: str, absence_id: str, now: datetime) -> None:
    """Delete an absence of an agent; raises NotFound."""
    change_agent(tx, agent_id, {}, now)
    which = (ABSENCES.c.agent_id == agent_id) & (ABSENCES.c.id == absence_id)
    if tx.execute(delete(ABSENCES).where(which).returning(ABSENCES.c.id)).first() is None:
        message = f"The agent has no absence {absence_id!r}."
        raise NotFound(message)
