"""The claim of mails: one queue, whoever they are for."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, select

from services.notifier import ordering
from services.notifier.job import Claimed, Job
from services.notifier.places import Places
from shared.db.engine import Database
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.db.types import EMAIL, READY
from shared.db.work_lists import DELIVERIES_DUE

_DELIVERIES = table(Delivery)


class MailClaims:
    """Claims mails for one process."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._lease = lease

    def claim(self, now: datetime, places: Places) -> Claimed:
        """Lease what is due, as much as there is room for, the most urgent first."""
        room = places.free
        due = and_(
            _DELIVERIES.c.channel == EMAIL,
            _DELIVERIES.c.available_at <= now,
            ~ordering.something_ahead(),
        )
        with self._database.transaction() as tx:
            rows = tx.rows(ordering.with_body(due).limit(room))
            if not rows:
                return Claimed((), more=False)
            token = DELIVERIES_DUE.lease(tx, rows, now, self._lease)
        jobs = [Job(row, token, row["body"], now) for row in rows]
        for job in jobs:
            places.take(job.receiver, job.delivery["rank"], job.places)
        return Claimed(jobs, more=len(jobs) == room)

    def has_ready(self, connection: Connection, before: datetime) -> bool:
        """Tell whether a mail has been due since `before`."""
        due = _ready().where(_DELIVERIES.c.available_at <= before)
        return bool(connection.execute(select(exists(due))).scalar_one())

    def next_due(self, connection: Connection, after: datetime) -> datetime | None:
        """Return when the next mail becomes due after a moment."""
        query = _ready().where(_DELIVERIES.c.available_at > after)
        moment = query.with_only_columns(func.min(_DELIVERIES.c.available_at))
        found: datetime | None = connection.execute(moment).scalar_one()
        return found


def _ready() -> Select[Any]:
    return select(_DELIVERIES.c.id).where(
        _DELIVERIES.c.channel == EMAIL, _DELIVERIES.c.work_state == READY
    )
