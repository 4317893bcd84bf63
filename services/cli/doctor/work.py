"""The work: lists that stand still, timers that nobody has, rows that gave up, tickets nowhere."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from services.cli.doctor.finding import Finding, error, ok, warning
from shared.db.dead.reading import Wanted, counts
from shared.db.engine import Database, rows
from shared.db.models import Lease
from shared.db.models.base import table
from shared.db.soundness.accounting import unaccounted
from shared.db.soundness.ages import ages
from shared.db.soundness.check import Look

_LEASES = table(Lease)

#: For how many seconds a row may be ready before somebody should ask.
LATE_S = 60.0
TIMERS = "timers:"


def examine(database: Database, now: datetime) -> Iterator[Finding]:
    """Yield findings about the work of a desk, as of one moment."""
    with database.snapshot() as connection:
        look = Look(connection, database.dialect, now)
        lost, oldest, dead = unaccounted(look), ages(look), counts(connection, Wanted())
        yield from _timers(connection, now)
    if lost:
        yield error(
            f"{lost} tickets are nowhere",
            "no list looks at them, and nobody has them",
            "patchbay verify shows them, patchbay verify --repair brings them back",
        )
    else:
        yield ok("every ticket is accounted for")
    late = {name: age for name, age in oldest.items() if age > LATE_S}
    for name, age in late.items():
        yield warning(
            f"the oldest row of the list {name} is ready for {age:.0f} s",
            "what is due is late",
            "see that its process runs and what it logs; more processes if it cannot keep up",
        )
    if not late:
        yield ok("no work list is late")
    gave_up = {name: count for name, count in dead.items() if count}
    if gave_up:
        parts = ", ".join(f"{name} {count}" for name, count in gave_up.items())
        yield warning(
            f"{sum(gave_up.values())} rows gave up: {parts}",
            "nothing touches them until you do",
            "patchbay dead list; mend the cause, then patchbay dead retry",
        )


def _timers(connection: Connection, now: datetime) -> Iterator[Finding]:
    """Yield whether somebody has the timers of each kind of process that ever ran."""
    query = select(_LEASES).where(_LEASES.c.name.startswith(TIMERS)).order_by(_LEASES.c.name)
    leases = rows(connection, query)
    running = {
        service
        for lease in leases
        if lease["expires_at"] > now
        for service in lease["name"].removeprefix(TIMERS).split("+")
    }
    missing = sorted({"router", "notifier"} - running)
    if missing:
        yield warning(
            f"no {' and no '.join(missing)} runs",
            "tickets are not routed, or nobody is told of them" if leases else "nobody works yet",
            "start them: patchbay serve, or patchbay router and patchbay notifier",
        )
    else:
        yield ok(f"{' and '.join(sorted(running))} run")
