"""When agents work: calendars, shifts and absences, expanded once for the weeks to come."""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import select

from shared.db.engine import Row, Transaction
from shared.db.models import Absence as AbsenceRow
from shared.db.models import Calendar
from shared.db.models.base import table
from shared.domain.working_time import Absence, Schedule, schedule_of
from shared.observability.logging import get_logger

#: For which time schedules are made; they are made anew much more often.
BACK, AHEAD = timedelta(days=1), timedelta(days=35)

_CALENDARS, _ABSENCES = table(Calendar), table(AbsenceRow)

log = get_logger()


class WorkingHours:
    """The calendars and absences of one reading; agents of one calendar share its expansion."""

    def __init__(self, tx: Transaction, now: datetime) -> None:
        self._start, self._end = now - BACK, now + AHEAD
        self._calendars = {row["name"]: row for row in tx.rows(select(_CALENDARS))}
        self._expanded: dict[str, Schedule | None] = {}
        self._absences: dict[str, list[Absence]] = defaultdict(list)
        near = select(_ABSENCES).where(
            _ABSENCES.c.ends_at > self._start, _ABSENCES.c.starts_at < self._end
        )
        for row in tx.rows(near):
            self._absences[row["agent_id"]].append(Absence(row["starts_at"], row["ends_at"]))

    def of(self, agent: Row) -> Schedule | None:
        """Return when an agent works; None for always, also if nobody can read the hours."""
        away = self._absences.get(agent["id"], ())
        calendar, shifts = agent["calendar"], agent["shifts"]
        try:
            if shifts is not None or calendar is None:
                found = self._calendars.get(calendar)
                return schedule_of(found, shifts, away, self._start, self._end)
            if calendar not in self._expanded:
                self._expanded[calendar] = schedule_of(
                    self._calendars[calendar], None, (), self._start, self._end
                )
            base = self._expanded[calendar]
            return base.without(away) if base is not None and away else base
        except (KeyError, ValueError):
            log.exception("working_hours.unreadable", agent=agent["id"])
            return None
