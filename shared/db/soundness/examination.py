"""All checks over one moment of a database: read-only, set-based, whatever its size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

from sqlalchemy import Connection

from shared.db.engine import Database
from shared.db.soundness import (
    accounting,
    agents,
    ages,
    clocks,
    deliveries,
    events,
    orphans,
    people,
)
from shared.db.soundness.check import (
    MAX_AGE,
    PATIENCE,
    TELLING,
    Check,
    Look,
    Result,
    examine,
)
from shared.db.soundness.mending import ORDER, Mended, mend
from shared.domain.audit import Actor
from shared.domain.clock import Clock
from shared.domain.work import ListName

#: Findings that are told of one check; the others are counted.
MAX_FINDINGS = 20

_PARTS = (accounting, agents, events, deliveries, clocks, people, orphans, ages)


@dataclass(frozen=True, slots=True)
class Examination:
    """What came of all checks, and for how many seconds each list's oldest row has been ready."""

    at: datetime
    results: Sequence[Result]
    ages: dict[ListName, float]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not any(result.count for result in self.results)


def all_checks() -> list[Check]:
    """Return every check, in the order in which they are told."""
    return [check for part in _PARTS for check in part.checks()]


@dataclass(frozen=True, slots=True)
class Terms:
    """How strictly to look; see `Look`. `limit` is the most findings told of one check."""

    limit: int = MAX_FINDINGS
    patience: timedelta = PATIENCE
    max_age: timedelta = MAX_AGE
    telling: timedelta = TELLING

    def look(self, database: Database, connection: Connection, now: datetime) -> Look:
        """Return a look at a database through a connection."""
        return Look(connection, database.dialect, now, self.patience, self.max_age, self.telling)


#: How `verify` looks unless told otherwise.
USUAL = Terms()


def examinations(
    database: Database, now: datetime, terms: Terms = USUAL
) -> Iterator[Result | Examination]:
    """Yield each result as it comes, and at last all together. Services may be at work meanwhile.

    Raises Unavailable.
    """
    results = []
    with database.snapshot() as connection:
        look = terms.look(database, connection, now)
        for check in all_checks():
            started = perf_counter()
            count, findings = examine(look, check, terms.limit)
            result = Result(check, count, findings, perf_counter() - started)
            results.append(result)
            yield result
        yield Examination(now, results, ages.ages(look))


def examination(database: Database, now: datetime, terms: Terms = USUAL) -> Examination:
    """Run all checks; see `examinations`."""
    *_, whole = examinations(database, now, terms)
    assert isinstance(whole, Examination)  # noqa: S101 -- it is the last
    return whole


def mended(
    database: Database, clock: Clock, broken: Examination, actor: Actor, terms: Terms = USUAL
) -> Iterator[Mended]:
    """Mend what an examination found and can be mended; yield what was done.

    `actor` is who the audit log names. Raises Unavailable, and Conflict if somebody else is
    mending.
    """
    found = {result.check.name: result.check for result in broken.results if result.count}
    for name in ORDER:
        if name in found:
            yield from mend(
                database,
                clock,
                found[name],
                lambda connection: terms.look(database, connection, clock.now()),
                actor,
            )
