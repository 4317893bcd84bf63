"""Sealing the secrets of a database anew by the newest key; and refusing one that has no keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, func, select, type_coerce, update

from shared.db.engine import Database, Row, Transaction
from shared.db.sealed_places import PLACES, Place, keys_in_use, missing_keys
from shared.db.types import Document, dump_json, load_json
from shared.domain.errors import SecretUnreadable
from shared.domain.sealing import Keyring, is_sealed, key_of

#: Rows in one transaction.
BATCH = 100


@dataclass(frozen=True, slots=True)
class Resealed:
    """How far one place is: rows looked at, and those sealed anew."""

    purpose: str
    total: int
    seen: int
    sealed: int


def require_keys(database: Database) -> None:
    """Raise SecretUnreadable unless every secret in the database can be opened, as far as keys go.

    Called at the start of each process: later, one secret after the other would fail.
    """
    with database.reading() as connection:
        found = keys_in_use(connection)
    missing = sorted(missing_keys(found, database.keyring))
    if missing:
        message = (
            f"Secrets in the database are sealed by the key {', '.join(missing)}, which this "
            "process does not have; add it to PATCHBAY_SECRET_KEYS, or bring its key file back."
        )
        raise SecretUnreadable(message)


def reseal(database: Database) -> Iterator[Resealed]:
    """Seal every secret by the newest key, yielding after each batch; services go on meanwhile.

    Raises SecretUnreadable at one that cannot be opened; what was done until then stays done, and
    once more does no harm.
    """
    for place in PLACES:
        key = tuple(place.table.primary_key.columns)
        with database.reading() as connection:
            counted = place.where(select(func.count()).select_from(place.table))
            total = int(connection.execute(counted).scalar_one())
        seen = sealed = 0
        after: Row | None = None
        while True:
            with database.transaction() as tx:
                rows = _next(tx, place, key, after)
                sealed += sum(_reseal(tx, database.keyring, place, key, row) for row in rows)
            seen += len(rows)
            yield Resealed(place.purpose, max(total, seen), seen, sealed)
            if len(rows) < BATCH:
                break
            after = rows[-1]


def _next(tx: Transaction, place: Place, key: tuple[Any, ...], after: Row | None) -> list[Row]:
    query = place.where(select(*key, place.kept)).order_by(*key).limit(BATCH).with_for_update()
    if after is not None:
        query = query.where(_behind(key, after))
    return tx.rows(query)


def _behind(key: tuple[Any, ...], row: Row) -> ColumnElement[bool]:
    """Say that a row comes after another in the order of the key, whose columns all rise."""
    condition: ColumnElement[bool] = key[-1] > row[key[-1].name]
    for column in reversed(key[:-1]):
        value = row[column.name]
        condition = (column > value) | and_(column == value, condition)
    return condition


def _reseal(
    tx: Transaction, keyring: Keyring, place: Place, key: tuple[Any, ...], row: Row
) -> bool:
    """Seal one value anew if it is not as a new one would be; return whether it was not."""
    kept = row["kept"]
    sealing = keyring.sealing
    wanted = None if sealing is None else sealing.id
    if kept == "" or (key_of(kept) if is_sealed(kept) else None) == wanted:
        return False
    text = kept if is_sealed(kept) or not place.document else dump_json(kept)
    try:
        opened = keyring.open(place.purpose, text)
    except SecretUnreadable as error:
        which = ", ".join(str(row[column.name]) for column in key)
        raise SecretUnreadable(f"{which}: {error.detail}") from error
    sealed: Any = keyring.seal(place.purpose, opened)
    if place.document and sealing is None:
        sealed = load_json(opened)
    column = place.table.c[place.column]
    # Past the column's own type, which would seal what is sealed already.
    value = type_coerce(sealed, Document if place.document else Text())
    same = [column_ == row[column_.name] for column_ in key]
    tx.execute(update(place.table).where(*same).values({column: value}))
    return True
