"""What a check is: a promise, a query for whatever breaks it, and how that is said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from shared.db.dialects import Dialect
from shared.db.dialects.base import plain_rows
from shared.db.engine import Row

#: How long things take that are on their way: what has begun earlier must be over.
PATIENCE = timedelta(minutes=10)

#: For how long a row may be ready before its list counts as standing still.
MAX_AGE = timedelta(minutes=15)

#: How far back events are looked for that never became deliveries.
TELLING = timedelta(days=1)


def telling_within(asked: timedelta, retention: timedelta) -> timedelta:
    """Return how far back events can be held against their deliveries.

    What is older than `retention` may have no deliveries any more, although everybody was told;
    zero keeps deliveries without end. The patience is for clocks of machines that are apart.
    """
    if not retention:
        return asked
    return max(min(asked, retention - PATIENCE), timedelta(0))


@dataclass(frozen=True, slots=True)
class Look:
    """What a check may ask: a connection that sees one moment, and when that is.

    `patience` is how long something may be overdue, `max_age` how long a row may be ready, and
    `telling` how far back events are held against their deliveries.
    """

    connection: Connection
    dialect: Dialect
    now: datetime
    patience: timedelta = PATIENCE
    max_age: timedelta = MAX_AGE
    telling: timedelta = TELLING


@dataclass(frozen=True, slots=True)
class Question:
    """A query for what breaks a promise. Its rows have an `id`; `given` are its parameters."""

    query: Select[Any]
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A promise. `ask` returns the query for what breaks it, None where nothing can.

    `say` puts a row of it into words. `mends` says what `--repair` does; empty where only a person
    can tell what is right.
    """

    name: str
    promise: str
    ask: Callable[[Look], Question | None]
    say: Callable[[Row], str]
    mends: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What breaks a promise: the row's id, and what is wrong with it."""

    id: str
    what: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check; `findings` are the first of `count`, `seconds` is what it took."""

    check: Check
    count: int
    findings: Sequence[Finding]
    seconds: float = 0.0


def examine(look: Look, check: Check, limit: int) -> tuple[int, list[Finding]]:
    """Return how many rows break a promise, and the first of them by id."""
    question = check.ask(look)
    if question is None:
        return 0, []
    broken = question.query.subquery("broken")
    query = select(broken, func.count().over().label("broken_count")).order_by(broken.c.id)
    found = plain_rows(look.connection.execute(query.limit(limit), question.given))
    if not found:
        return 0, []
    return found[0]["broken_count"], [Finding(str(row["id"]), check.say(row)) for row in found]


def broken_rows(
    look: Look, check: Check, *, after: str = "", only: Sequence[str] | None = None, limit: int = 0
) -> list[Row]:
    """Return rows that break a promise, by id: those after an id, or of the given ones."""
    question = check.ask(look)
    if question is None:
        return []
    broken = question.query.subquery("broken")
    query = select(broken).order_by(broken.c.id)
    if after:
        query = query.where(broken.c.id > after)
    if only is not None:
        query = query.where(broken.c.id.in_(only))
    return plain_rows(look.connection.execute(query.limit(limit or None), question.given))
