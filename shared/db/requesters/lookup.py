"""One query for all requesters that a batch of tickets names."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, Text, and_, case, func, select

from shared.db.engine import Row, Transaction
from shared.db.models import Requester, RequesterIdentity
from shared.db.models.base import table

_REQUESTERS, _IDENTITIES = table(Requester), table(RequesterIdentity)

#: What a batch needs to know of somebody; the last is the number of their addresses.
COLUMNS = (
    "id",
    "version",
    "name",
    "email",
    "phone",
    "phone_e164",
    "external_id",
    "contacts",
    "locale",
    "time_zone",
    "identities",
)

#: Stands for a kind of identity where a ticket names the requester's id itself.
BY_ID = "id"

#: What a requester is looked for by: the kind of an identity, or BY_ID, and the value.
Key = tuple[str, str]


def look_up(tx: Transaction, keys: Sequence[Key], *, lock: bool) -> dict[Key, Row]:
    """Return the rows of requesters by what they were looked for by; one round trip.

    A merged requester's id gives the one it was merged into. Each row has COLUMNS. With `lock`
    nobody can merge or erase these requesters before the end of the transaction; refreshing them is
    still possible.
    """
    if not keys:
        return {}
    asked = tx.dialect.rows_as_table("asked", {"kind": Text(), "value": Text()})
    parameters = tx.dialect.rows_parameters(
        "asked", [{"kind": kind, "value": value} for kind, value in keys]
    )
    query = _query(asked)
    if lock:
        query = query.with_for_update(read=True, key_share=True, of=_REQUESTERS)
    found: Iterable[Sequence[Any]] = tx.execute(query, parameters)
    return {(row[0], row[1]): dict(zip(COLUMNS, row[2:], strict=True)) for row in found}


def _query(asked: Any) -> Select[Any]:
    named = _REQUESTERS.alias("named")
    owner = func.coalesce(_IDENTITIES.c.requester_id, named.c.merged_into, named.c.id)
    others = _IDENTITIES.alias("others")
    # Null where an address is asked for, so that no index is looked into for it.
    named_id = case((asked.c.kind == BY_ID, asked.c.value))
    count = select(func.count()).where(others.c.requester_id == _REQUESTERS.c.id)
    same = and_(_IDENTITIES.c.kind == asked.c.kind, _IDENTITIES.c.value == asked.c.value)
    return (
        select(
            asked.c.kind.label("asked_kind"),
            asked.c.value.label("asked_value"),
            *(_REQUESTERS.c[name] for name in COLUMNS[:-1]),
            count.scalar_subquery().label("identities"),
        )
        .select_from(
            asked.outerjoin(_IDENTITIES, same)
            .outerjoin(named, named.c.id == named_id)
            .join(_REQUESTERS, _REQUESTERS.c.id == owner)
        )
        # Merged or erased while we waited for the lock: then they are not there any more.
        .where(_REQUESTERS.c.merged_into.is_(None), _REQUESTERS.c.erased_at.is_(None))
        # Rows are locked in this order.
        .order_by(_REQUESTERS.c.id)
    )
