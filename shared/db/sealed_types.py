"""Columns that hold secrets: sealed on the way into the database, opened on the way out.

What was written before there was a key is read as it is, and sealed when it is written again; see
`shared.db.resealing`. The keyring hangs on the SQLAlchemy dialect of an engine: it belongs to one
installation, and the tables do not know which one they will be used with.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Dialect,
    Engine,
    Table,
    Text,
    TypeDecorator,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.db.types import Document, dump_json, load_json
from shared.domain.sealing import Keyring, is_sealed

_ATTRIBUTE = "patchbay_keyring"


def attach(engine: Engine, keyring: Keyring) -> None:
    """Let the sealed columns of an engine use a keyring."""
    setattr(engine.dialect, _ATTRIBUTE, keyring)


@lru_cache(maxsize=256)
def sealed_columns(table: Table) -> dict[str, Any]:
    """Return the types of a table's sealed columns by their names."""
    return {
        c.name: c.type for c in table.columns if isinstance(c.type, SealedText | SealedDocument)
    }


@lru_cache(maxsize=256)
def as_kept(table: Table) -> tuple[ColumnElement[Any], ...]:
    """Return a table's columns to be selected, the sealed ones as they are kept.

    A query that opens them fails as a whole at the first one that cannot be opened; so whoever
    reads many rows reads them like this, and opens what it needs, row by row, by `opened`.
    """
    return tuple(
        type_coerce(c, c.type.kept).label(c.name)
        if isinstance(c.type, SealedText | SealedDocument)
        else c
        for c in table.columns
    )


def opened(keyring: Keyring, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row that was read by `as_kept` with its secrets open; raises SecretUnreadable."""
    columns = sealed_columns(table).items()
    return {**row, **{name: each.opened(keyring, row[name]) for name, each in columns}}


def with_sealed(
    table: Table, rows: Sequence[Mapping[str, Any]], dialect: Dialect
) -> Sequence[Mapping[str, Any]]:
    """Return rows that go past SQLAlchemy with their secrets sealed; all have the same keys."""
    types = {name: each for name, each in sealed_columns(table).items() if name in rows[0]}
    if not types:
        return rows
    return [
        {**row, **{n: each.process_bind_param(row[n], dialect) for n, each in types.items()}}
        for row in rows
    ]


def keyring_of_dialect(dialect: Dialect) -> Keyring:
    """Return the keyring of the engine that a dialect belongs to."""
    keyring: Keyring = getattr(dialect, _ATTRIBUTE)
    return keyring


class SealedText(TypeDecorator[str]):
    """A text that is a secret. `purpose` is `table.column`, and what it is sealed for."""

    impl = Text
    cache_ok = True
    #: What is kept, sealed or not.
    kept = Text()

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Seal."""
        return None if value is None else keyring_of_dialect(dialect).seal(self.purpose, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Open; raises SecretUnreadable."""
        return self.opened(keyring_of_dialect(dialect), value)

    def opened(self, keyring: Keyring, value: str | None) -> str | None:
        """Open what is kept; raises SecretUnreadable."""
        return None if value is None else keyring.open(self.purpose, value)


class SealedDocument(TypeDecorator[Any]):
    """A document with secrets in it; sealed it is one JSON string."""

    impl = JSON
    cache_ok = True
    #: What is kept: a document, or a JSON string if it is sealed.
    kept = Document

    def __init__(self, purpose: str) -> None:
        super().__init__(none_as_null=True)
        self.purpose = purpose

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return what a plain document is kept as."""
        kind = JSONB if dialect.name == "postgresql" else JSON
        return dialect.type_descriptor(kind(none_as_null=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Seal."""
        keyring = keyring_of_dialect(dialect)
        if value is None or keyring.sealing is None:
            return value
        return keyring.seal(self.purpose, dump_json(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Open; raises SecretUnreadable."""
        return self.opened(keyring_of_dialect(dialect), value)

    def opened(self, keyring: Keyring, value: Any) -> Any:
        """Open what is kept; raises SecretUnreadable."""
        return load_json(keyring.open(self.purpose, value)) if is_sealed(value) else value
