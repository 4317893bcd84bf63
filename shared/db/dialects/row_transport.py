"""How the rows of a batch travel to PostgreSQL: what all share once, long texts by themselves.

`json_to_recordset` costs by the byte and by the value: for a new ticket, four fifths of the insert
(`docs/adr/0027-what-rows-share-travels-once.md`). So the values that all rows of a batch have go
once, nulls not at all, and long texts as an array in PostgreSQL's own form, which nobody has to
quote and to read back.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from shared.db.types import LongText, dump_json

_COMPILER = postgresql.dialect()  # type: ignore[no-untyped-call]
_TEXT, _TEXT_ARRAY = 25, 1009


class TextArray(bytes):
    """A `text[]` in the binary form of PostgreSQL's protocol."""


class TextArrayDumper(Dumper):
    """Sends a `TextArray` as it is."""

    format = Format.BINARY
    oid = _TEXT_ARRAY

    def dump(self, obj: Any) -> bytes:
        """Return the bytes that go over the wire."""
        return bytes(obj)


def text_array(values: Sequence[str | None]) -> TextArray:
    """Return texts as an array: `array_send` of PostgreSQL's source, utils/adt/arrayfuncs.c."""
    parts = [struct.pack("!iiiii", 1, int(None in values), _TEXT, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            encoded = value.encode()
            parts += (len(encoded).to_bytes(4, "big"), encoded)
    return TextArray(b"".join(parts))


def source(table: Table, columns: tuple[str, ...], key: Sequence[str] = ()) -> str:
    """Return what the rows with these columns are selected from; `travelling` is their parameters.

    `value_of` says how a column is read from it.
    """
    long = long_columns(table, columns)
    short = [name for name in columns if name not in long]
    arrays = "".join(", unnest(%s)" for _ in long)
    rows = (
        f"ROWS FROM (json_to_recordset(%s::json) AS ({_shape(table, short)}){arrays}) "
        f"AS v ({', '.join([*short, *long])})"
    )
    shared = [name for name in short if name not in key]
    return f"{rows}, json_to_record(%s::json) AS s ({_shape(table, shared)})" if shared else rows


def value_of(table: Table, name: str) -> str:
    """Return the SQL of a column's value: a row's own, else the one that all rows have."""
    long = isinstance(table.c[name].type, LongText)
    return f"v.{name}" if long else f"coalesce(v.{name}, s.{name})"


def travelling(
    table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str] = ()
) -> list[Any]:
    """Return rows, all with the same keys, as the parameters of `source`.

    What is the same is told by identity: values that are equal may be written differently, such
    as 1 and true in a document. Columns of `key` are each row's own.
    """
    long = long_columns(table, tuple(rows[0]))
    apart = {*long, *key}
    shared = {
        name: value
        for name, value in rows[0].items()
        if name not in apart and all(row[name] is value for row in rows)
    }
    own = [name for name in rows[0] if name not in long and name not in shared]
    single = [{name: value for name in own if (value := row[name]) is not None} for row in rows]
    arrays = [text_array([row[name] for row in rows]) for name in long]
    nothing = apart.issuperset(rows[0])
    return [dump_json(single), *arrays, *([] if nothing else [dump_json(shared)])]


@lru_cache(maxsize=1024)
def long_columns(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that hold long texts."""
    return tuple(name for name in columns if isinstance(table.c[name].type, LongText))


def _shape(table: Table, columns: Sequence[str]) -> str:
    return ", ".join(f"{name} {_type_name(table, name)}" for name in columns)


def _type_name(table: Table, name: str) -> str:
    compiled = table.c[name].type.compile(dialect=_COMPILER)
    return compiled.partition(" COLLATE")[0]
