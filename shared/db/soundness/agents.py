"""Loads: what an agent carries is the sum of the open assignments, and within what they may."""

from collections.abc import Iterator

from sqlalchemy import case, func, select

from shared.db.models import Agent, Assignment
from shared.db.models.base import table
from shared.db.soundness.check import Check, Look, Question

_AGENTS, _ASSIGNMENTS = table(Agent), table(Assignment)


def _loads(_: Look) -> Question:
    sums = (
        select(_ASSIGNMENTS.c.agent_id, func.sum(_ASSIGNMENTS.c.weight).label("weight"))
        .where(_ASSIGNMENTS.c.ended_at.is_(None))
        .group_by(_ASSIGNMENTS.c.agent_id)
        .subquery("sums")
    )
    held = func.coalesce(sums.c.weight, 0)
    query = (
        select(_AGENTS.c.id, _AGENTS.c.name, _AGENTS.c.load, held.label("held"))
        .select_from(_AGENTS.outerjoin(sums, sums.c.agent_id == _AGENTS.c.id))
        .where(_AGENTS.c.load != held)
    )
    return Question(query)


def _overcommitted(_: Look) -> Question:
    excess = _AGENTS.c.load - _AGENTS.c.capacity
    known = case((excess > 0, excess), else_=0)
    columns = (_AGENTS.c.id, _AGENTS.c.name, _AGENTS.c.load, _AGENTS.c.capacity)
    query = select(*columns, _AGENTS.c.overcommit).where(_AGENTS.c.overcommit != known)
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the checks of agents."""
    yield Check(
        "loads",
        "every agent's load is the sum of the open assignments",
        _loads,
        lambda row: f"{row['name']} has load {row['load']}, the open assignments say {row['held']}",
        "counts the load anew",
    )
    yield Check(
        "capacity",
        "no agent has more than the capacity, unless it is noted as overcommitment",
        _overcommitted,
        lambda row: (
            f"{row['name']} has load {row['load']} of {row['capacity']} "
            f"and overcommit {row['overcommit']}"
        ),
        "counts load and overcommitment anew",
    )
