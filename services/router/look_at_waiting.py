"""Passes over all waiting tickets, after a change of rules or profiles that may concern any.

A pass wakes a batch at a time and keeps its place in the database, so it costs the change itself
one row, whatever waits, and goes on after a crash. It goes by the index of what waits; a ticket
that comes back to a place behind it was looked at, one that comes back before it is looked at once
more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, func, literal, select, tuple_

from shared.db.engine import Row, Transaction
from shared.db.models import Ticket, WaitingLook
from shared.db.models.base import table
from shared.db.revision import horizon, upcoming
from shared.db.types import READY, WAITING, UTCDateTime
from shared.db.work_lists import WAITING_LOOKS
from shared.domain.clock import rfc3339

_TICKETS, _LOOKS = table(Ticket), table(WaitingLook)
_PLACE = ("signature", "rank", "expected_resolution_at", "id")


@dataclass(frozen=True, slots=True)
class Step:
    """The tickets to wake now, whether the pass goes on, and whether it can at once."""

    keys: Sequence[str] = ()
    unfinished: bool = False
    at_once: bool = False


def look_at_waiting(tx: Transaction, now: datetime, limit: int) -> Step:
    """Take the next step of the pass that is under way, of up to `limit` tickets.

    While as many tickets are ready it makes none: new tickets go first.
    """
    for look in WAITING_LOOKS.claim(tx, now, 1):
        marks = tx.execute(select(horizon().label("horizon"), upcoming().label("upcoming"))).one()
        if look["barrier"] is None:
            tx.update(_LOOKS, [{"id": look["id"], "barrier": marks.upcoming}])
            return Step(unfinished=True, at_once=True)
        # A barrier that lies ahead is of another server, from which this database was restored.
        if marks.horizon < look["barrier"] <= marks.upcoming or _ready(tx, now, limit) >= limit:
            return Step(unfinished=True)
        found = _following(tx, look["after"], limit)
        more = len(found) == limit
        if more:
            tx.update(_LOOKS, [{"id": look["id"], "after": _place(found[-1])}])
        else:
            tx.delete(_LOOKS, [look["id"]])
        return Step([ticket["id"] for ticket in found], unfinished=more, at_once=more)
    return Step()


def _ready(tx: Transaction, now: datetime, limit: int) -> int:
    ready = select(_TICKETS.c.id).where(
        _TICKETS.c.work_state == READY, _TICKETS.c.available_at <= now
    )
    some = ready.limit(limit).subquery()
    return int(tx.execute(select(func.count()).select_from(some)).scalar_one())


def _following(tx: Transaction, after: Mapping[str, Any] | None, limit: int) -> list[Row]:
    """Lock and return waiting tickets after a place; it waits for those that others hold.

    Whoever holds one may leave it as it is, and then nobody would look at it. Nobody who holds a
    ticket waits for another one, so there is no circle.
    """
    columns = [_TICKETS.c[name] for name in _PLACE]
    query = (
        select(*columns)
        .where(_TICKETS.c.work_state == WAITING)
        .order_by(*columns)
        .limit(limit)
        .with_for_update(key_share=True)
    )
    if after is not None:
        place = tuple_(
            literal(after["signature"], Text()),
            literal(after["rank"]),
            literal(datetime.fromisoformat(after["due"]), UTCDateTime()),
            literal(after["id"], Text()),
        )
        query = query.where(tuple_(*columns) > place)
    return tx.rows(query)


def _place(ticket: Row) -> dict[str, Any]:
    return {
        "signature": ticket["signature"],
        "rank": ticket["rank"],
        "due": rfc3339(ticket["expected_resolution_at"]),
        "id": ticket["id"],
    }
