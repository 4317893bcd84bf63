"""The audit log: appended in the transaction of the act, read newest first, forgotten by age."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, tuple_

from shared.db.engine import Database, Row, Transaction, rows
from shared.db.models import AuditEntry
from shared.db.models.base import table
from shared.domain.audit import Actor, AuditAction
from shared.domain.ids import Prefix, new_id

#: Entries deleted in one transaction.
CHUNK = 2000

_LOG = table(AuditEntry)


def record(
    tx: Transaction,
    actor: Actor,
    action: AuditAction,
    target: str | None,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append an act; it is there if and only if what `tx` does is.

    `details` are names, counts and digests, never values.
    """
    row = {
        "id": new_id(Prefix.AUDIT_ENTRY),
        "at": now,
        "actor": actor.name,
        "action": action.value,
        "target": target,
        "request_id": actor.request_id,
        "address": actor.address,
        "details": dict(details or {}),
    }
    tx.insert(_LOG, [row])


def listing(
    connection: Connection,
    filters: Mapping[str, Any],
    after: Sequence[Any] | None,
    limit: int,
) -> list[Row]:
    """Return entries, the newest first; `after` is the time and the id of the last one known.

    `filters` are `actor`, `action`, `target` and `request_id`, `since` (from then on) and `until`
    (before then).
    """
    query = _filtered(filters)
    place = (_LOG.c.at, _LOG.c.id)
    if after is not None:
        moment, entry_id = after
        query = query.where(tuple_(*place) < (datetime.fromisoformat(moment), entry_id))
    return rows(connection, query.order_by(*(each.desc() for each in place)).limit(limit))


def _filtered(filters: Mapping[str, Any]) -> Select[Any]:
    query = select(_LOG)
    for name in ("actor", "action", "target", "request_id"):
        if filters.get(name) is not None:
            query = query.where(_LOG.c[name] == filters[name])
    if filters.get("since") is not None:
        query = query.where(_LOG.c.at >= filters["since"])
    if filters.get("until") is not None:
        query = query.where(_LOG.c.at < filters["until"])
    return query


def forget_audit(database: Database, before: datetime) -> int:
    """Delete entries that are older than a moment; return how many.

    The database itself refuses to delete those of the last day.
    """
    old = select(_LOG.c.id).where(_LOG.c.at < before).order_by(_LOG.c.at).limit(CHUNK)
    deleted = 0
    while True:
        with database.transaction() as tx:
            ids = list(tx.execute(old).scalars())
            tx.delete(_LOG, ids)
        deleted += len(ids)
        if len(ids) < CHUNK:
            return deleted
