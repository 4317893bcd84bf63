"""Merging one requester into another: addresses and tickets move, the old id leads to the new.

The first transaction decides: from then on no ticket comes to the old one. Tickets follow, a
bounded number in a transaction. What a crash leaves behind moves when the merge is asked for again.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import update

from services.intake import requester_repository as repository
from shared.db import ticket_changes
from shared.db.audit import record
from shared.db.engine import Database, Row, Transaction
from shared.db.models import ApiKey
from shared.db.models.base import table
from shared.db.ticket_changes.asked import Asked
from shared.domain.audit import Actor, AuditAction
from shared.domain.errors import Conflict, FieldError, InvalidInput, NotFound
from shared.schemas.requester import MAX_CONTACTS

#: Tickets in one transaction.
BATCH = 100

#: What the requester who stays takes over where nothing is known of them.
_FILLED = ("name", "email", "phone", "phone_e164", "external_id", "locale", "time_zone")


def merge(
    database: Database,
    source_id: str,
    target_id: str,
    now: datetime,
    asked: Asked,
    actor: Actor,
) -> Iterator[int]:
    """Merge, yielding the number of tickets moved after each transaction.

    `actor` is who the audit log names. Raises NotFound, InvalidInput for a target that is not there
    or is the source, Conflict where one of them was erased or the source went to somebody else.
    """
    with database.transaction() as tx:
        target = _begin(tx, source_id, target_id, now)
        into = {"into": target_id}
        record(tx, actor, AuditAction.REQUESTER_MERGED, source_id, now, into)
    yield 0
    while True:
        with database.transaction() as tx:
            found = repository.next_tickets(tx, [source_id], 0, BATCH)
            held = repository.locked_tickets(tx, [row["id"] for row in found])
            ticket_changes.move(tx, held, target, now, asked)
        if not held:
            return
        yield len(held)


def _begin(tx: Transaction, source_id: str, target_id: str, now: datetime) -> str:
    """Point the source to the target and move addresses and keys; return the id of who is left."""
    if source_id == target_id:
        raise _refused("A requester cannot be merged into itself.")
    both = repository.locked(tx, source_id, target_id)
    if source_id not in both:
        message = f"There is no requester {source_id!r}."
        raise NotFound(message)
    if target_id not in both:
        raise _refused(f"There is no requester {target_id!r}.")
    source, target = both[source_id], both[target_id]
    _require_mergeable(source, target)
    if source["merged_into"] == target_id:
        return target_id
    requesters, identities = repository.REQUESTERS, repository.IDENTITIES
    tx.execute(
        # Who was merged into the source before leads to the target too: ids lead on at once.
        update(requesters)
        .where((requesters.c.id == source_id) | (requesters.c.merged_into == source_id))
        .values(merged_into=target_id, updated_at=now, version=requesters.c.version + 1)
    )
    tx.execute(
        update(identities)
        .where(identities.c.requester_id == source_id)
        .values(requester_id=target_id)
    )
    keys = table(ApiKey)
    tx.execute(update(keys).where(keys.c.requester_id == source_id).values(requester_id=target_id))
    version = {"version": target["version"] + 1, "updated_at": now}
    tx.update(requesters, [{"id": target_id, **_filled(source, target), **version}])
    return target_id


def _require_mergeable(source: Row, target: Row) -> None:
    for row in (source, target):
        if row["erased_at"] is not None:
            message = f"The requester {row['id']!r} was erased and cannot be merged."
            raise Conflict(message)
    if source["merged_into"] not in (None, target["id"]):
        message = f"The requester was merged into {source['merged_into']!r} before."
        raise Conflict(message, merged_into=source["merged_into"])
    if target["merged_into"] is not None:
        message = f"{target['id']!r} was merged into {target['merged_into']!r}; name that one."
        raise Conflict(message, merged_into=target["merged_into"])


def _filled(source: Row, target: Row) -> dict[str, Any]:
    """Return what the target learns; its own word stands where both say something."""
    values = {name: source[name] if target[name] is None else target[name] for name in _FILLED}
    if target["phone"] is not None:
        values["phone_e164"] = target["phone_e164"]
    contacts = [
        *target["contacts"],
        *(c for c in source["contacts"] if c not in target["contacts"]),
    ]
    fields = {**source["custom_fields"], **target["custom_fields"]}
    return {**values, "contacts": contacts[:MAX_CONTACTS], "custom_fields": fields}


def _refused(detail: str) -> InvalidInput:
    return InvalidInput(detail, [FieldError("/into", detail)])
