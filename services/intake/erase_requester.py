"""Erasing a requester: nothing that says who it was is left, and the tickets still count.

First what bulk jobs hold of them goes, while it is known who they are. The next transaction empties
the profile and gives the addresses back, so that no ticket comes to it any more. Tickets with their
events and copies follow, a bounded number in a transaction. After a crash the same request goes on
where it stopped. What is in flight in that moment and names them by an address makes somebody new.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete

from services.intake import requester_repository as repository
from services.intake.bulk.erasing import Person, erase_lines
from shared.db import ticket_changes
from shared.db.audit import record
from shared.db.engine import Database, Row, Transaction
from shared.db.erased_copies import erase_answers, erase_copies, erase_keys, erase_questions
from shared.db.mail_wishes import erase_wishes
from shared.db.ticket_changes.asked import Asked
from shared.domain.audit import Actor, AuditAction
from shared.domain.erasure import is_erased
from shared.domain.errors import Conflict, NotFound
from shared.domain.identity import Identity, IdentityKind

#: Tickets, and events of them, in one transaction.
BATCH = 20
MAX_EVENTS = 500

#: What of a profile is nobody else's.
_WORDS = ("name", "email", "phone", "phone_e164", "external_id")

_EMPTY: dict[str, Any] = {
    "name": None,
    "email": None,
    "phone": None,
    "phone_e164": None,
    "external_id": None,
    "contacts": [],
    "locale": None,
    "time_zone": None,
    "custom_fields": {},
}


def erase(
    database: Database,
    requester_id: str,
    now: datetime,
    asked: Asked,
    discard: Callable[[Sequence[str]], None],
    actor: Actor,
) -> Iterator[int]:
    """Erase, yielding the number of tickets erased after each transaction.

    Whoever was merged into the requester is erased with them. `discard` deletes contents of files
    by their keys; `actor` is who the audit log names. Raises NotFound.
    """
    with database.reading() as connection:
        person = _person(connection, requester_id)
    if person is not None:
        erase_lines(database, person)
    with database.transaction() as tx:
        family, uploads = _erase_profiles(tx, requester_id, now)
        record(tx, actor, AuditAction.REQUESTER_ERASED, requester_id, now)
    discard(uploads)
    yield 0
    after = 0
    while True:
        with database.transaction() as tx:
            found = repository.next_tickets(tx, family, after, BATCH)
        if not found:
            return
        batch = _bounded([row for row in found if not is_erased(row)])
        if batch:
            after = batch[-1]["number"]
            discard(_erase_tickets(database, batch, now, asked))
            yield len(batch)
        else:
            after = found[-1]["number"]


def _person(connection: Connection, requester_id: str) -> Person | None:
    """Return by what somebody is known in lines; None if nothing is known of them any more."""
    merged = repository.merged_into(connection, requester_id)
    rows = [*repository.profiles(connection, requester_id), *merged]
    if all(row["erased_at"] is not None for row in rows):
        return None
    identities = {
        Identity(IdentityKind(each["kind"]), each["value"])
        for row in rows
        for each in row["identities"]
    }
    ids = [row["id"] for row in rows]
    words = {row[name] for row in rows for name in _WORDS if row[name]}
    words |= {identity.value for identity in identities}
    words |= set(repository.external_ids(connection, ids))
    return Person(ids, frozenset(identities), frozenset(word.lower() for word in words))


def _erase_profiles(
    tx: Transaction, requester_id: str, now: datetime
) -> tuple[list[str], list[str]]:
    """Empty the profile and those merged into it; return their ids, and contents to delete."""
    known = [row["id"] for row in repository.merged_into(tx.connection, requester_id)]
    rows = repository.locked(tx, requester_id, *known)
    if requester_id not in rows:
        message = f"There is no requester {requester_id!r}."
        raise NotFound(message)
    if rows[requester_id]["merged_into"] is not None:
        message = f"{requester_id!r} was merged; erase {rows[requester_id]['merged_into']!r}."
        raise Conflict(message, merged_into=rows[requester_id]["merged_into"])
    # Somebody may have been merged into it while we waited for the lock; nobody can be any more.
    merged = [row["id"] for row in repository.merged_into(tx.connection, requester_id)]
    rows |= repository.locked(tx, *(set(merged) - set(rows)))
    family = [requester_id, *merged]
    known_as = [
        {**dict.fromkeys(_EMPTY), "id": None, each.kind.value: each.value}
        for each in repository.identities(tx, requester_id)
    ]
    erase_questions(tx, [*rows.values(), *known_as], now)
    erase_answers(tx, family)
    uploads = erase_keys(tx, family, now)
    addresses = [row["email"] for row in (*rows.values(), *known_as) if row.get("email")]
    erase_wishes(tx, family, addresses)
    left = [
        {
            "id": row["id"],
            **_EMPTY,
            "erased_at": now,
            "updated_at": now,
            "version": row["version"] + 1,
        }
        for row in rows.values()
        if row["erased_at"] is None
    ]
    tx.update(repository.REQUESTERS, left)
    identities = repository.IDENTITIES
    tx.execute(delete(identities).where(identities.c.requester_id.in_(family)))
    return family, uploads


def _bounded(rows: list[Row]) -> list[Row]:
    """Return as many tickets from the front as have few enough events, one at the least."""
    batch: list[Row] = []
    events = 0
    for row in rows:
        events += row["version"]
        if batch and events > MAX_EVENTS:
            break
        batch.append(row)
    return batch


def _erase_tickets(database: Database, batch: list[Row], now: datetime, asked: Asked) -> list[str]:
    """Erase tickets; return the keys of contents to delete."""
    if batch[0]["version"] > MAX_EVENTS:
        # A ticket with so long a story is done in pieces, and what came meanwhile at the end.
        after: int | None = 0
        while after is not None:
            with database.transaction() as tx:
                after = ticket_changes.erase_events(tx, batch[0]["id"], after)
    with database.transaction() as tx:
        ids = [row["id"] for row in batch]
        into = repository.merged_tickets(tx, ids)
        held = {each[0]["id"]: each for each in repository.locked_tickets(tx, [*ids, *into])}
        if set(repository.merged_tickets(tx, ids)) != set(into):
            message = "A ticket of theirs was merged in this moment; send the same request again."
            raise Conflict(message)
        erased = erase_copies(tx, ids, into, now)
        ticket_changes.erase(tx, [held[each] for each in ids], now, asked)
        ticket_changes.tell_comments(
            tx, [held[each] for each in sorted(erased.elsewhere - set(ids))], now, asked
        )
    return erased.storage_keys
