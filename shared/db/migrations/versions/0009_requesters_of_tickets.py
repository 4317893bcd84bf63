"""The requesters of the tickets that are there, a batch in a transaction of its own.

Each batch is committed, so that nothing is locked for long; one that was not is simply done when
the migration runs again, for it begins with the tickets that have no requester yet.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime, dump_json
from shared.domain.identity import Identity, IdentityKind, e164, identities_of
from shared.domain.ids import Prefix, new_id

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 2000

DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
TICKETS = sa.table(
    "tickets",
    sa.column("id", sa.Text()),
    sa.column("number", sa.BigInteger()),
    sa.column("requester", DOCUMENT),
    sa.column("requester_id", sa.Text()),
    sa.column("requester_key", sa.Text()),
    sa.column("created_at", UTCDateTime()),
)
REQUESTERS = sa.table(
    "requesters",
    *(
        sa.column(name, sa.Text())
        for name in ("id", "name", "email", "phone", "phone_e164", "external_id", "locale")
    ),
    sa.column("version", sa.Integer()),
    sa.column("contacts", DOCUMENT),
    sa.column("custom_fields", DOCUMENT),
    sa.column("created_at", UTCDateTime()),
    sa.column("updated_at", UTCDateTime()),
)
IDENTITIES = sa.table(
    "requester_identities",
    *(sa.column(name, sa.Text()) for name in ("kind", "value", "requester_id")),
)


def upgrade() -> None:
    bind = op.get_bind()
    after = -1
    while rows := _next(bind, after):
        _carry_over(bind, rows)
        _commit(bind)
        after = rows[-1]["number"]
    op.drop_column("tickets", "requester_key")


def downgrade() -> None:
    op.add_column("tickets", sa.Column("requester_key", sa.Text(), nullable=True))
    key = sa.func.lower(
        sa.func.coalesce(
            TICKETS.c.requester["email"].as_string(), TICKETS.c.requester["phone"].as_string()
        )
    )
    op.get_bind().execute(sa.update(TICKETS).values(requester_key=sa.func.nullif(key, "")))


def _next(bind: sa.Connection, after: int) -> list[Mapping[str, Any]]:
    query = (
        sa.select(TICKETS.c.id, TICKETS.c.number, TICKETS.c.requester, TICKETS.c.created_at)
        .where(TICKETS.c.number > after, TICKETS.c.requester_id.is_(None))
        .order_by(TICKETS.c.number)
        .limit(BATCH)
    )
    return list(bind.execute(query).mappings())


def _carry_over(bind: sa.Connection, tickets: Sequence[Mapping[str, Any]]) -> None:
    """Find or make the requesters of a batch and point its tickets to them."""
    given = {ticket["id"]: identities_of(ticket["requester"]) for ticket in tickets}
    owners, kinds = _known(bind, {each for identities in given.values() for each in identities})
    made: list[dict[str, Any]] = []
    gained: dict[Identity, str] = {}
    changes = []
    for ticket in tickets:
        identities = given[ticket["id"]]
        owner = _owner(identities, owners, kinds)
        if owner is None:
            row = _row(ticket, [i.kind for i in identities if i not in owners])
            made.append(row)
            owner = row["id"]
            kinds[owner] = set()
        for identity in identities:
            if identity not in owners and identity.kind not in kinds[owner]:
                owners[identity] = gained[identity] = owner
                kinds[owner].add(identity.kind)
        requester = {"id": owner, **ticket["requester"]}
        changes.append({"id": ticket["id"], "requester_id": owner, "requester": requester})
    if made:
        bind.execute(sa.insert(REQUESTERS), made)
    if gained:
        addresses = [
            {"kind": each.kind.value, "value": each.value, "requester_id": owner}
            for each, owner in sorted(gained.items())
        ]
        bind.execute(sa.insert(IDENTITIES), addresses)
    _point(bind, changes)


def _known(
    bind: sa.Connection, wanted: set[Identity]
) -> tuple[dict[Identity, str], dict[str, set[IdentityKind]]]:
    """Return who has these addresses, and of which kinds those people have some."""
    owners: dict[Identity, str] = {}
    for kind in IdentityKind:
        values = [each.value for each in wanted if each.kind is kind]
        query = sa.select(IDENTITIES.c.value, IDENTITIES.c.requester_id).where(
            IDENTITIES.c.kind == kind.value, IDENTITIES.c.value.in_(values)
        )
        owners |= {Identity(kind, value): owner for value, owner in bind.execute(query)}
    kinds: dict[str, set[IdentityKind]] = {owner: set() for owner in owners.values()}
    query = sa.select(IDENTITIES.c.kind, IDENTITIES.c.requester_id).where(
        IDENTITIES.c.requester_id.in_(kinds)
    )
    for kind, owner in bind.execute(query):
        kinds[owner].add(IdentityKind(kind))
    return owners, kinds


def _owner(
    identities: Sequence[Identity],
    owners: Mapping[Identity, str],
    kinds: Mapping[str, set[IdentityKind]],
) -> str | None:
    """Return whose the strongest address is, unless they have another of a kind before it."""
    unowned: set[IdentityKind] = set()
    for identity in identities:
        owner = owners.get(identity)
        if owner is not None:
            return owner if unowned.isdisjoint(kinds[owner]) else None
        unowned.add(identity.kind)
    return None


def _row(ticket: Mapping[str, Any], own: Sequence[IdentityKind]) -> dict[str, Any]:
    person = ticket["requester"]
    phone = person.get("phone")
    parsed = e164(phone)
    has_phone = parsed is None or IdentityKind.PHONE in own
    return {
        "id": new_id(Prefix.REQUESTER),
        "version": 1,
        "name": person.get("name"),
        "email": person.get("email") if IdentityKind.EMAIL in own else None,
        "phone": phone if has_phone else None,
        "phone_e164": parsed if has_phone else None,
        "external_id": None,
        "contacts": person.get("contacts") or [],
        "locale": person.get("locale"),
        "custom_fields": {},
        "created_at": ticket["created_at"],
        "updated_at": ticket["created_at"],
    }


def _point(bind: sa.Connection, changes: Sequence[Mapping[str, Any]]) -> None:
    """Update all tickets of a batch by one statement."""
    if bind.dialect.name == "postgresql":
        bind.execute(
            sa.text(
                "UPDATE tickets SET requester_id = v.requester_id, requester = v.requester "
                "FROM json_to_recordset(CAST(:rows AS json)) "
                "AS v (id text, requester_id text, requester jsonb) WHERE tickets.id = v.id"
            ),
            {"rows": dump_json(changes)},
        )
        return
    bind.execute(
        sa.text("UPDATE tickets SET requester_id = :owner, requester = :requester WHERE id = :id"),
        [
            {"id": c["id"], "owner": c["requester_id"], "requester": dump_json(c["requester"])}
            for c in changes
        ],
    )


def _commit(bind: sa.Connection) -> None:
    """Commit what is done, past Alembic, which would keep one transaction for everything.

    The version that is stored by then is the revision before this one: a migration that is stopped
    here goes on here.
    """
    bind.exec_driver_sql("COMMIT")
    if bind.dialect.name == "sqlite":
        bind.exec_driver_sql("BEGIN IMMEDIATE")
