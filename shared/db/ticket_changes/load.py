"""The load of agents: raised under guard, lowered with every ticket that leaves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Executable,
    Integer,
    Text,
    UpdateBase,
    bindparam,
    case,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from shared.db.dialects import Dialect
from shared.db.engine import Transaction
from shared.db.models import Agent
from shared.db.models.base import table
from shared.domain.agent import Presence
from shared.domain.work import WorkState

_AGENTS = table(Agent)
_LOADS: dict[str, TypeEngine[Any]] = {"id": Text(), "weight": Integer()}


def reserve(
    tx: Transaction, weights: Mapping[str, int], now: datetime, *, wait: bool = True
) -> set[str]:
    """Add to the load of each agent who is online and has room for all of it.

    Returns the ids of the agents who took it; the others were filled or left in the meantime and
    are unchanged. The rows are locked in the order of their ids, so that two routers cannot wait
    for each other in a circle; a caller who holds locks on agents already says `wait=False`, and
    agents that others hold count as taken.
    """
    statement = tx.dialect.once(_reserving if wait else _reserving_unlocked)
    taken = tx.execute(statement, _parameters(tx.dialect, weights) | {"now": now})
    return set(taken.scalars())


def lock(tx: Transaction, agent_ids: Sequence[str]) -> None:
    """Lock agents in the order of their ids, before their loads move in another order."""
    tx.execute(
        select(_AGENTS.c.id)
        .where(_AGENTS.c.id.in_(agent_ids))
        .order_by(_AGENTS.c.id)
        .with_for_update(key_share=True)
    )


def force(tx: Transaction, agent_id: str, weight: int, now: datetime) -> None:
    """Add to an agent's load, room or not; what exceeds the capacity is noted as overcommitment.

    The agent goes on the matching list: one who is not there may have to give the ticket back.
    """
    load = _AGENTS.c.load + weight
    excess = load - _AGENTS.c.capacity
    tx.execute(
        update(_AGENTS)
        .where(_AGENTS.c.id == agent_id)
        .values(
            load=load,
            overcommit=case((excess > 0, excess), else_=0),
            idle_since=now,
            assigned_at=now,
            work_state=WorkState.READY,
            available_at=now,
        )
    )


def release(tx: Transaction, weights: Mapping[str, int], now: datetime) -> None:
    """Take from the load of agents whose tickets left, and put them on the matching list."""
    tx.write(_releasing, _parameters(tx.dialect, weights) | {"now": now})


def _reserving(dialect: Dialect, *, skip_locked: bool = False) -> Executable:
    wanted = dialect.rows_as_table("wanted", _LOADS)
    locked = _locked(wanted.c.id, skip_locked=skip_locked)
    return (
        update(_AGENTS)
        .where(
            _AGENTS.c.id == wanted.c.id,
            _AGENTS.c.id.in_(select(locked.c.id)),
            _AGENTS.c.presence == Presence.ONLINE,
            _AGENTS.c.load + wanted.c.weight <= _AGENTS.c.capacity,
        )
        .values(
            load=_AGENTS.c.load + wanted.c.weight,
            idle_since=bindparam("now"),
            assigned_at=bindparam("now"),
        )
        .returning(_AGENTS.c.id)
    )


def _reserving_unlocked(dialect: Dialect) -> Executable:
    return _reserving(dialect, skip_locked=True)


def _releasing(dialect: Dialect) -> UpdateBase:
    wanted = dialect.rows_as_table("wanted", _LOADS)
    locked = _locked(wanted.c.id)
    load = _AGENTS.c.load - wanted.c.weight
    excess = load - _AGENTS.c.capacity
    return (
        update(_AGENTS)
        .where(_AGENTS.c.id == wanted.c.id, _AGENTS.c.id.in_(select(locked.c.id)))
        .values(
            load=load,
            overcommit=case((excess > 0, excess), else_=0),
            idle_since=bindparam("now"),
            work_state=WorkState.READY,
            available_at=bindparam("now"),
        )
    )


def _locked(ids: ColumnElement[str], *, skip_locked: bool = False) -> CTE:
    """Return a subquery that locks these agents in the order of their ids."""
    return (
        select(_AGENTS.c.id)
        .where(_AGENTS.c.id.in_(select(ids)))
        .order_by(_AGENTS.c.id)
        .with_for_update(key_share=True, skip_locked=skip_locked)
        .cte("locked")
    )


def _parameters(dialect: Dialect, weights: Mapping[str, int]) -> dict[str, object]:
    rows = [{"id": agent_id, "weight": weight} for agent_id, weight in sorted(weights.items())]
    return dict(dialect.rows_parameters("wanted", rows))
