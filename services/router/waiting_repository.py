"""The router's SQL for what waits: needs, classes of tickets and their heads, agents who left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, Text, and_, exists, func, literal_column, select
from sqlalchemy.types import TypeEngine

from services.router.model import Need, document_of, need_of
from services.router.orders import Waiting
from shared.db.engine import Row, Transaction
from shared.db.models import Agent, Requirement, Ticket
from shared.db.models.base import table
from shared.db.types import WAITING
from shared.domain.ticket import Lane, Priority, rank_of
from shared.domain.work import WorkState
from shared.observability.logging import get_logger

log = get_logger()

#: Every rank that a ticket can have; see `shared.domain.ticket.rank_of`.
RANKS = tuple(rank_of(lane, priority.rank) for lane in Lane for priority in Priority)
#: Queues are counted this far: beyond, one is as long as another.
MAX_COUNTED = 1000

_AGENTS, _TICKETS, _REQUIREMENTS = table(Agent), table(Ticket), table(Requirement)
_CLASSES: dict[str, TypeEngine[Any]] = {"signature": Text(), "rank": Integer()}


@dataclass(frozen=True, slots=True)
class Head:
    """The first of the tickets that wait with one signature and rank, late or not."""

    signature: str
    rank: int
    late: bool
    ticket: Waiting


class WaitingRepository:
    """Reads and claims waiting tickets; the part of `RouterRepository` about them."""

    def waiting_needs(self, tx: Transaction) -> list[Need]:
        """Return the distinct needs that tickets are waiting with."""
        waiting = select(_TICKETS.c.id).where(
            and_(
                _TICKETS.c.work_state == WAITING,
                _TICKETS.c.signature == _REQUIREMENTS.c.signature,
            )
        )
        query = select(_REQUIREMENTS.c.signature, _REQUIREMENTS.c.need).where(exists(waiting))
        return readable_needs(tx.rows(query))

    def heads(self, tx: Transaction, signatures: Sequence[str], now: datetime) -> list[Head]:
        """Return the first waiting ticket of each class that has one.

        A class is a signature, a rank (lane and priority) and whether the deadline has passed. The
        cost is two looks at an index for each signature and rank, however many tickets wait.
        """
        classes = tx.dialect.rows_as_table("classes", _CLASSES)
        found = []
        for late in (False, True):
            waiting = _waiting(classes.c.signature, classes.c.rank, now, late=late)
            first = waiting.with_only_columns(_TICKETS.c.id).limit(1).scalar_subquery()
            head = select(classes.c.signature, first.label("id")).subquery("head")
            query = select(
                _TICKETS.c.id,
                _TICKETS.c.signature,
                _TICKETS.c.rank,
                _TICKETS.c.priority,
                _TICKETS.c.created_at,
                _TICKETS.c.expected_resolution_at,
            ).join(head, head.c.id == _TICKETS.c.id)
            rows = [
                {"signature": signature, "rank": rank} for signature in signatures for rank in RANKS
            ]
            parameters = tx.dialect.rows_parameters("classes", rows)
            for row in tx.execute(query, parameters).mappings():
                ticket = waiting_of(dict(row))
                found.append(Head(row["signature"], row["rank"], late=late, ticket=ticket))
        return found

    def queued(self, tx: Transaction, signatures: Sequence[str]) -> dict[str, int]:
        """Return how many tickets wait with each need, counted up to MAX_COUNTED."""
        asked = tx.dialect.rows_as_table("asked", {"signature": Text()})
        some = (
            select(_TICKETS.c.id)
            .where(_TICKETS.c.work_state == WAITING, _TICKETS.c.signature == asked.c.signature)
            .limit(MAX_COUNTED)
            .correlate(asked)
            .subquery()
        )
        count = select(func.count()).select_from(some).correlate(asked).scalar_subquery()
        rows = [{"signature": signature} for signature in signatures]
        parameters = tx.dialect.rows_parameters("asked", rows)
        found = tx.execute(select(asked.c.signature, count.label("queued")), parameters)
        return {row.signature: row.queued for row in found}

    def claim_waiting(self, tx: Transaction, head: Head, limit: int, now: datetime) -> list[Row]:
        """Lock and return the first tickets of a class."""
        query = (
            _waiting(head.signature, head.rank, now, late=head.late)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return tx.rows(query)

    def count_waiting(self, tx: Transaction, head: Head, limit: int, now: datetime) -> int:
        """Return how many tickets wait in a class, locked or not, counted up to a limit."""
        some = (
            _waiting(head.signature, head.rank, now, late=head.late)
            .with_only_columns(_TICKETS.c.id)
            .limit(limit)
            .subquery()
        )
        return int(tx.execute(select(func.count()).select_from(some)).scalar_one())

    def claim_untouched(self, tx: Transaction, agent_id: str) -> tuple[list[Row], bool]:
        """Lock and return the open tickets of an agent that nobody has worked on.

        Also returns whether there are more, which others hold at the moment. Nobody waits for
        those: the caller holds the agent, and who holds such a ticket may want the agent.
        """
        untouched = select(_TICKETS).where(
            _TICKETS.c.assignee_id == agent_id,
            _TICKETS.c.status == literal_column("'open'"),
            _TICKETS.c.touched_at.is_(None),
        )
        claimed = tx.rows(untouched.with_for_update(skip_locked=True, key_share=True))
        query = untouched.with_only_columns(_TICKETS.c.id)
        there = set(tx.execute(query).scalars())
        return claimed, not there <= {ticket["id"] for ticket in claimed}

    def mark_idle(self, tx: Transaction, agents: Sequence[str], signatures: Sequence[str]) -> None:
        """Take agents and requirements off the matching list."""
        idle = WorkState.IDLE
        tx.update(_AGENTS, [{"id": agent_id, "work_state": idle} for agent_id in agents])
        tx.update(
            _REQUIREMENTS,
            [{"signature": signature, "work_state": idle} for signature in signatures],
            key=("signature",),
        )

    def expect(self, tx: Transaction, needs: Sequence[Need], now: datetime) -> None:
        """Put the needs of tickets that were just parked on the matching list.

        In the order of their signatures, so that two routers cannot wait for each other in a
        circle.
        """
        rows = [
            {
                "signature": need.signature,
                "need": document_of(need),
                "work_state": WorkState.READY,
                "available_at": now,
                "attempts": 0,
            }
            for need in sorted(set(needs), key=lambda need: need.signature)
        ]
        statement = tx.dialect.upsert(
            _REQUIREMENTS, key=("signature",), update=("work_state", "available_at")
        )
        for row in rows:
            tx.execute(statement, row)


def waiting_of(ticket: Mapping[str, Any]) -> Waiting:
    """Return a ticket's row as orders see it."""
    return Waiting(
        ticket["id"], ticket["priority"], ticket["created_at"], ticket["expected_resolution_at"]
    )


def readable_needs(requirements: Sequence[Mapping[str, Any]]) -> list[Need]:
    """Return the needs that requirement rows hold; one that makes no sense stops only itself."""
    needs = []
    for requirement in requirements:
        try:
            needs.append(need_of(requirement["need"]))
        except (KeyError, TypeError, ValueError):
            log.exception("requirement.unreadable", signature=requirement.get("signature"))
    return needs


def _waiting(signature: Any, rank: Any, now: datetime, *, late: bool) -> Select[Any]:
    """Return the waiting tickets of a class, by deadline, which in a class is by age."""
    due = _TICKETS.c.expected_resolution_at
    return (
        select(_TICKETS)
        .where(
            _TICKETS.c.work_state == WAITING,
            _TICKETS.c.signature == signature,
            _TICKETS.c.rank == rank,
            due < now if late else due >= now,
        )
        .order_by(due)
    )
