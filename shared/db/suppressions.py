"""mail_suppressions: who is not written to. The one writer; both services use it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from shared.db.engine import Row, Transaction, rows
from shared.db.models import MailSuppression
from shared.db.models.base import table
from shared.domain.suppression import Blame, SuppressionReason, blamed

_SUPPRESSIONS = table(MailSuppression)
MAX_DETAIL_CHARS = 500


def blames_of(connection: Connection, addresses: Sequence[str]) -> dict[str, Blame]:
    """Return what is known of addresses, by the address in small letters."""
    wanted = sorted({address.strip().lower() for address in addresses})
    query = select(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address.in_(wanted))
    return {row["address"]: _blame(row) for row in rows(connection, query)}


def blame(
    tx: Transaction, address: str, reason: SuppressionReason, detail: str, now: datetime
) -> Blame:
    """Note one more fault of an address; return what is known of it now."""
    before = tx.first(_of(address).with_for_update())
    found = blamed(_blame(before) if before else None, reason, now)
    if before is not None and found == _blame(before):
        return found
    row = {
        "address": address.strip().lower(),
        "reason": found.reason,
        "detail": detail[:MAX_DETAIL_CHARS].replace("\x00", "\ufffd"),
        "strikes": found.strikes,
        "since": found.since,
        "until": found.until,
        "updated_at": found.updated_at,
    }
    changed = tuple(name for name in row if name != "address")
    tx.execute(tx.dialect.upsert(_SUPPRESSIONS, ("address",), changed), row)
    return found


def forgive(tx: Transaction, address: str) -> bool:
    """Delete what is known of an address; return whether there was anything."""
    statement = (
        _SUPPRESSIONS.delete()
        .where(_SUPPRESSIONS.c.address == address.strip().lower())
        .returning(_SUPPRESSIONS.c.address)
    )
    return tx.first(statement) is not None


def suppressed(connection: Connection, after: str, limit: int, now: datetime) -> list[Row]:
    """Return the addresses that are not written to now, in order, from the one after `after`."""
    columns = _SUPPRESSIONS.c
    query = (
        select(_SUPPRESSIONS)
        .where(
            columns.address > after,
            columns.since.is_not(None),
            or_(columns.until.is_(None), columns.until > now),
        )
        .order_by(columns.address)
        .limit(limit)
    )
    return rows(connection, query)


def _of(address: str) -> Select[Any]:
    return select(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address == address.strip().lower())


def _blame(row: Mapping[str, Any]) -> Blame:
    return Blame(row["reason"], row["strikes"], row["since"], row["until"], row["updated_at"])
