"""How much is due on each work list, since when, and what gave up."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from shared.db.engine import rows
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.db.ready_rows import (
    PLAIN,
    ReadyRows,
    of_open_endpoints,
    ready_rows,
    webhooks_of_endpoint,
)
from shared.db.types import DEAD, NOT_ARRIVED
from shared.domain.work import ListName
from shared.observability.figures import LIST_BACKLOG, LIST_DEAD, LIST_OLDEST, Figure, Sample

_DELIVERIES = table(Delivery)

#: How many, and since when the oldest of them.
Due = Select[Any, Any]

#: Where rows can be dead, with the list they belong to. A list that is not here has none: its
#: handler puts off what fails.
_CAN_DIE = {
    name: tables[0]
    for name, tables in PLAIN.items()
    if name not in (ListName.MATCHING, ListName.WAKING)
}
#: How deliveries can end without having arrived.
_NOT_ARRIVED = (
    ("webhook", "dead"),
    ("email", "dead"),
    ("email", "unknown"),
    ("email", "bounced"),
)


def read(connection: Connection, now: datetime) -> dict[Figure, Sequence[Sample]]:
    """Return the backlog of every list, the age of its oldest row in seconds, and what is dead."""
    backlog, oldest = [], []
    for name, queries in _due(now).items():
        found = [connection.execute(query).one() for query in queries]
        since = min((at for _, at in found if at is not None), default=now)
        backlog.append(((name.value,), sum(int(count or 0) for count, _ in found)))
        oldest.append(((name.value,), max(0.0, (now - since).total_seconds())))
    return {LIST_BACKLOG: backlog, LIST_OLDEST: oldest, LIST_DEAD: _dead(connection)}


def _due(now: datetime) -> dict[ListName, list[Due]]:
    due: defaultdict[ListName, list[Due]] = defaultdict(list)
    for each in ready_rows():
        due[each.name].append(_count(each, now))
    due[ListName.WEBHOOK] = [_webhooks(now)]
    return {name: due[name] for name in ListName}


def _count(ready: ReadyRows, now: datetime) -> Due:
    query = select(func.count().label("count"), func.min(ready.moment))
    return query.where(*ready.conditions, ready.moment <= now)


def _webhooks(now: datetime) -> Due:
    """What may be sent now."""
    ready = webhooks_of_endpoint()
    mine = (*ready.conditions, ready.moment <= now)
    count = select(func.count()).select_from(_DELIVERIES).where(*mine).scalar_subquery()
    oldest = select(func.min(ready.moment)).where(*mine).scalar_subquery()
    return of_open_endpoints(select(func.sum(count), func.min(oldest)), now)


def _dead(connection: Connection) -> list[Sample]:
    dead: list[Sample] = []
    for name, each in _CAN_DIE.items():
        query = select(func.count()).where(each.c.work_state == DEAD)
        dead.append(((name.value, "dead"), connection.execute(query).scalar_one()))
    delivery = _DELIVERIES.c
    query = (
        select(delivery.channel, delivery.work_state, func.count().label("count"))
        .where(delivery.work_state.in_(NOT_ARRIVED))
        .group_by(delivery.channel, delivery.work_state)
    )
    found = {
        (row["channel"], row["work_state"]): int(row["count"]) for row in rows(connection, query)
    }
    for channel, state in _NOT_ARRIVED:
        dead.append(((channel, state), found.get((channel, state), 0)))
    return dead
