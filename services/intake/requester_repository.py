"""Intake's SQL for requesters: profiles, their addresses, their tickets."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, or_, select, tuple_

from shared.db.engine import Row, Transaction, first, rows
from shared.db.models import Agent, Requester, RequesterIdentity, Ticket, TicketEvent
from shared.db.models.base import table
from shared.domain.errors import Conflict, NotFound
from shared.domain.identity import Identity, IdentityKind

REQUESTERS, IDENTITIES = table(Requester), table(RequesterIdentity)
TICKETS, _AGENTS, _EVENTS = table(Ticket), table(Agent), table(TicketEvent)

#: A ticket and its assignee, as `shared.db.ticket_changes.ticket_document` takes them.
Held = tuple[Row, dict[str, Any] | None]


def current(connection: Connection, requester_id: str) -> Row:
    """Return a requester with `identities`; of a merged one whom it was merged into.

    Raises NotFound.
    """
    row = _row(connection, requester_id)
    if row["merged_into"] is not None:
        row = _row(connection, row["merged_into"])
    return with_identities(connection, [row])[0]


def listing(
    connection: Connection, identities: Sequence[Identity], after: str, limit: int
) -> list[Row]:
    """Return requesters who have all of these addresses, by id after an id; no merged ones."""
    query = select(REQUESTERS).where(REQUESTERS.c.id > after, REQUESTERS.c.merged_into.is_(None))
    for identity in identities:
        owner = select(IDENTITIES.c.requester_id).where(
            IDENTITIES.c.kind == identity.kind, IDENTITIES.c.value == identity.value
        )
        query = query.where(REQUESTERS.c.id.in_(owner))
    found = rows(connection, query.order_by(REQUESTERS.c.id).limit(limit))
    return with_identities(connection, found)


def with_identities(connection: Connection, requesters: Sequence[Row]) -> list[Row]:
    """Return requesters with their addresses."""
    found: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in requesters}
    query = (
        select(IDENTITIES)
        .where(IDENTITIES.c.requester_id.in_(found))
        .order_by(IDENTITIES.c.kind, IDENTITIES.c.value)
    )
    for row in connection.execute(query):
        found[row.requester_id].append({"kind": IdentityKind(row.kind), "value": row.value})
    return [{**row, "identities": found[row["id"]]} for row in requesters]


def merged_into(connection: Connection, requester_id: str) -> list[Row]:
    """Return the requesters that were merged into this one, as they were."""
    query = select(REQUESTERS).where(REQUESTERS.c.merged_into == requester_id)
    return with_identities(connection, rows(connection, query.order_by(REQUESTERS.c.id)))


def profiles(connection: Connection, *requester_ids: str) -> list[Row]:
    """Return requesters with their addresses, merged and erased ones too."""
    query = select(REQUESTERS).where(REQUESTERS.c.id.in_(requester_ids))
    return with_identities(connection, rows(connection, query))


def external_ids(connection: Connection, requester_ids: Sequence[str]) -> list[str]:
    """Return by which names other systems know the tickets of requesters."""
    query = select(TICKETS.c.external_id).where(
        TICKETS.c.requester_id.in_(requester_ids), TICKETS.c.external_id.is_not(None)
    )
    return list(connection.execute(query).scalars())


def locked(tx: Transaction, *requester_ids: str) -> dict[str, Row]:
    """Lock requesters against everybody, tickets that come in included; return those there are."""
    query = (
        select(REQUESTERS)
        .where(REQUESTERS.c.id.in_(requester_ids))
        .order_by(REQUESTERS.c.id)
        .with_for_update()
    )
    return {row["id"]: row for row in tx.rows(query)}


def locked_current(tx: Transaction, requester_id: str) -> Row:
    """Lock a requester for a change of the profile; of a merged one whom it was merged into.

    Raises NotFound, and Conflict if they were erased.
    """
    query = (
        select(REQUESTERS)
        .where(
            or_(
                REQUESTERS.c.id == requester_id,
                REQUESTERS.c.id.in_(
                    select(REQUESTERS.c.merged_into).where(REQUESTERS.c.id == requester_id)
                ),
            ),
            REQUESTERS.c.merged_into.is_(None),
        )
        .with_for_update(key_share=True)
    )
    row = tx.first(query)
    if row is None:
        _row(tx.connection, requester_id)
        message = f"The requester {requester_id!r} is being merged; read them again."
        raise Conflict(message)
    if row["erased_at"] is not None:
        message = f"The requester {row['id']!r} was erased and cannot be changed."
        raise Conflict(message)
    return row


def identities(tx: Transaction, requester_id: str) -> set[Identity]:
    """Return the addresses of a requester."""
    query = select(IDENTITIES).where(IDENTITIES.c.requester_id == requester_id)
    return {Identity(IdentityKind(row["kind"]), row["value"]) for row in tx.rows(query)}


def give_identities(tx: Transaction, requester_id: str, gained: Iterable[Identity]) -> None:
    """Give new addresses to a requester; raises Conflict with the id of who has one of them."""
    ordered = sorted(gained)
    if not ordered:
        return
    pairs = [(each.kind.value, each.value) for each in ordered]
    query = select(IDENTITIES).where(tuple_(IDENTITIES.c.kind, IDENTITIES.c.value).in_(pairs))
    taken = tx.first(query.order_by(IDENTITIES.c.kind, IDENTITIES.c.value).limit(1))
    if taken is not None:
        message = f"The {taken['kind']} {taken['value']!r} belongs to another requester."
        raise Conflict(message, requester_id=taken["requester_id"])
    tx.insert(
        IDENTITIES,
        [{"kind": kind, "value": value, "requester_id": requester_id} for kind, value in pairs],
    )


def take_identities(tx: Transaction, lost: Iterable[Identity]) -> None:
    """Delete addresses."""
    pairs = [(each.kind.value, each.value) for each in lost]
    if pairs:
        tx.execute(
            delete(IDENTITIES).where(tuple_(IDENTITIES.c.kind, IDENTITIES.c.value).in_(pairs))
        )


def tickets(connection: Connection, requester_id: str, before: int, limit: int) -> list[Held]:
    """Return a requester's tickets with numbers below `before`, newest first."""
    query = (
        _held()
        .where(TICKETS.c.requester_id == requester_id, TICKETS.c.number < before)
        .order_by(TICKETS.c.number.desc())
        .limit(limit)
    )
    return [_with_assignee(row) for row in rows(connection, query)]


def next_tickets(
    tx: Transaction, requester_ids: Sequence[str], after: int, limit: int
) -> list[Row]:
    """Return id, number, version and requester of tickets with numbers above `after`, in order."""
    query = (
        select(TICKETS.c.id, TICKETS.c.number, TICKETS.c.version, TICKETS.c.requester)
        .where(TICKETS.c.requester_id.in_(requester_ids), TICKETS.c.number > after)
        .order_by(TICKETS.c.number)
        .limit(limit)
    )
    return tx.rows(query)


def locked_tickets(tx: Transaction, ticket_ids: Sequence[str]) -> list[Held]:
    """Lock tickets, in the order of their ids, and return them with their assignees."""
    query = (
        _held()
        .where(TICKETS.c.id.in_(ticket_ids))
        .order_by(TICKETS.c.id)
        .with_for_update(key_share=True, of=TICKETS)
    )
    return [_with_assignee(row) for row in tx.rows(query)]


def merged_tickets(tx: Transaction, ticket_ids: Sequence[str]) -> list[str]:
    """Return the ids of tickets that these were merged into, and those into, and so on."""
    found: dict[str, None] = {}
    level = list(ticket_ids)
    while level:
        query = select(TICKETS.c.merged_into_id).where(
            TICKETS.c.id.in_(level), TICKETS.c.merged_into_id.is_not(None)
        )
        level = [each for each in tx.execute(query).scalars() if each not in found]
        found |= dict.fromkeys(level)
    return list(found)


def event_bodies(connection: Connection, ticket_id: str, after: int, limit: int) -> list[Row]:
    """Return `sequence` and the stored `body` of a ticket's events after a sequence."""
    query = (
        select(_EVENTS.c.sequence, _EVENTS.c.body)
        .where(_EVENTS.c.ticket_id == ticket_id, _EVENTS.c.sequence > after)
        .order_by(_EVENTS.c.sequence)
        .limit(limit)
    )
    return rows(connection, query)


def _held() -> Select[Any]:
    return select(
        TICKETS,
        _AGENTS.c.name.label("assignee_name"),
        _AGENTS.c.email.label("assignee_email"),
    ).outerjoin(_AGENTS, _AGENTS.c.id == TICKETS.c.assignee_id)


def _with_assignee(row: Row) -> Held:
    name, email = row.pop("assignee_name"), row.pop("assignee_email")
    if row["assignee_id"] is None:
        return row, None
    return row, {"id": row["assignee_id"], "name": name, "email": email}


def _row(connection: Connection, requester_id: str) -> Row:
    row = first(connection, select(REQUESTERS).where(REQUESTERS.c.id == requester_id))
    if row is None:
        raise _no(requester_id)
    return row


def _no(requester_id: str) -> NotFound:
    return NotFound(f"There is no requester {requester_id!r}.")
