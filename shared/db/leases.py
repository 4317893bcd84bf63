"""Named rights that one process holds at a time, such as running the timers.

A lease row with an end: whoever finds it expired may take it. Two holders at once are possible when
clocks disagree by more than the lease is long, so nothing under a lease may rely on being alone;
it only keeps many processes from doing the same small work.
"""

from datetime import datetime, timedelta

from sqlalchemy import insert, or_, update
from sqlalchemy.exc import IntegrityError

from shared.db.engine import Database
from shared.db.models import Lease
from shared.db.models.base import table

_LEASES = table(Lease)


def acquire(database: Database, name: str, holder: str, now: datetime, duration: timedelta) -> bool:
    """Take or renew the lease until `now + duration`; return whether `holder` has it."""
    values = {"holder": holder, "expires_at": now + duration}
    renew = (
        update(_LEASES)
        .where(
            _LEASES.c.name == name,
            or_(_LEASES.c.holder == holder, _LEASES.c.expires_at <= now),
        )
        .values(**values)
        .returning(_LEASES.c.name)
    )
    found = _LEASES.select().where(_LEASES.c.name == name)
    try:
        with database.transaction() as tx:
            if tx.execute(renew).first() is not None:
                return True
            if tx.execute(found).first() is not None:
                return False
            tx.execute(insert(_LEASES).values(name=name, **values))
            return True
    except IntegrityError:
        return False


def release(database: Database, name: str, holder: str, now: datetime) -> None:
    """Give the lease back, so that the next one need not wait for its end."""
    statement = (
        update(_LEASES)
        .where(_LEASES.c.name == name, _LEASES.c.holder == holder)
        .values(expires_at=now)
    )
    with database.transaction() as tx:
        tx.execute(statement)
