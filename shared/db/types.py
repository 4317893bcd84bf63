"""Column types that mean the same on PostgreSQL and on SQLite, declared once."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    String,
    Text,
    TypeDecorator,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

#: Ids are compared byte by byte; the database's own collation would only slow every index down.
IdText = Text().with_variant(Text(collation="C"), "postgresql")


class LongText(Text):
    """A text of a kilobyte and more: on its way to PostgreSQL it is not wrapped into JSON."""


#: Custom fields, lists of skills, explanations: data that is never the left side of a rule of SQL.
Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC. A naive one is refused, because nobody knows what it means."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"{value!r} has no time zone"
            raise ValueError(message)
        return value if dialect.name == "postgresql" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is UTC:
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Word(TypeDecorator[StrEnum]):
    """A word of a closed vocabulary, kept as text and read back as a member.

    A word that this release does not know yet is read as plain text: during an upgrade an older
    worker must be able to carry what a newer one wrote, not fail every batch that holds it.
    """

    impl = String(32)
    cache_ok = True

    def __init__(self, vocabulary: type[StrEnum]) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self._members: dict[str, StrEnum] = {member.value: member for member in vocabulary}

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self._members.get(value, value)


#: Written into the SQL and not bound: a prepared plan for any state could not use the partial
#: indexes on these two.
READY: ColumnElement[str] = literal_column("'ready'", String())
WAITING: ColumnElement[str] = literal_column("'waiting'", String())
#: What nobody touches until an operator does.
DEAD: ColumnElement[str] = literal_column("'dead'", String())
#: What did not arrive, as the index of deliveries has it.
NOT_ARRIVED: tuple[ColumnElement[str], ...] = (
    DEAD,
    literal_column("'unknown'", String()),
    literal_column("'bounced'", String()),
)
#: The same for the channels of deliveries, whose ready ones have indexes of their own.
WEBHOOK: ColumnElement[str] = literal_column("'webhook'", String())
EMAIL: ColumnElement[str] = literal_column("'email'", String())


def dump_json(value: object) -> str:
    """Write JSON the way every column and body is written: compact, UTF-8."""
    return orjson.dumps(value).decode()


def load_json(text: str | bytes) -> Any:
    """Read what `dump_json` wrote."""
    return orjson.loads(text)
