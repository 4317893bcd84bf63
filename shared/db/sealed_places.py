"""Where secrets are kept, and which keys they are sealed with.

Rows are read past the column types, as they are kept, so that one that cannot be opened stops
nobody who only counts.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    cast,
    func,
    select,
    type_coerce,
)

from shared.db.models import IdempotencyKey, SigningKey, Subscription
from shared.db.models.base import table
from shared.db.types import Document
from shared.domain.sealing import Keyring, key_of

#: Of a JSON string, its quote included, or of a text: enough to tell mark and key.
_HEAD_CHARS = 16


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds secrets; `document` if they are JSON, `only` if not in every row."""

    table: Table
    column: str
    document: bool = False
    only: ColumnElement[bool] | None = None

    @property
    def purpose(self) -> str:
        """What its texts are sealed for."""
        return f"{self.table.name}.{self.column}"

    @property
    def kept(self) -> ColumnElement[Any]:
        """The column as it is kept."""
        column = self.table.c[self.column]
        return type_coerce(column, Document if self.document else Text()).label("kept")

    def where(self, query: Select[Any]) -> Select[Any]:
        """Leave of a query the rows that hold secrets."""
        return query if self.only is None else query.where(self.only)


_ANSWERS = table(IdempotencyKey)

#: Of remembered answers those of subscriptions hold a secret, unless they were blanked. As a range,
#: which the index serves: there may be millions of others, and a process asks at its start.
ANSWERS = Place(
    _ANSWERS,
    "answer",
    only=and_(
        _ANSWERS.c.subject_id >= "whk_", _ANSWERS.c.subject_id < "whk`", _ANSWERS.c.answer != ""
    ),
)
PLACES = (
    Place(table(SigningKey), "secret"),
    Place(table(Subscription), "secrets", document=True),
    Place(table(Subscription), "headers", document=True),
    ANSWERS,
)


def keys_in_use(connection: Connection) -> dict[str, Counter[str | None]]:
    """Return how many values of each place are sealed by which key, None for not sealed."""
    found: dict[str, Counter[str | None]] = {}
    for place in PLACES:
        text = func.ltrim(cast(place.kept, Text()), '"')
        head = func.substr(text, 1, _HEAD_CHARS).label("head")
        inner = place.where(select(head).select_from(place.table)).subquery()
        query = select(inner.c.head, func.count()).group_by(inner.c.head)
        counted: Counter[str | None] = Counter()
        for start, count in connection.execute(query):
            counted[key_of(start)] += count
        found[place.purpose] = counted
    return found


def missing_keys(found: Mapping[str, Mapping[str | None, int]], keyring: Keyring) -> frozenset[str]:
    """Return the ids of the keys that are in use and not here."""
    used = {key_id for counted in found.values() for key_id in counted if key_id is not None}
    return frozenset(key_id for key_id in used if keyring.key(key_id) is None)


def outdated(found: Mapping[str, Mapping[str | None, int]], keyring: Keyring) -> int:
    """Return how many values are not sealed as a new one would be. Makes no key."""
    newest = keyring.sealing_id
    # A key file that is not made yet seals as well, and nothing is sealed by it.
    none_yet = newest is None and keyring.seals
    return sum(
        count
        for counted in found.values()
        for key_id, count in counted.items()
        if none_yet or key_id != newest
    )
