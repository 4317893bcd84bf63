"""When agents and teams work: calendars and shifts, expanded once for the weeks to come."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from shared.db.engine import Row, Transaction
from shared.db.models import Absence as AbsenceRow
from shared.db.models import Calendar, Team
from shared.db.models.base import table
from shared.domain.working_time import Absence, Schedule, schedule_of
from shared.observability.logging import get_logger

#: For which time schedules are made; they are made anew much more often.
BACK, AHEAD = timedelta(days=1), timedelta(days=35)

_CALENDARS, _ABSENCES, _TEAMS = table(Calendar), table(AbsenceRow), table(Team)

log = get_logger()


class WorkingHours:
    """The calendars and absences of one reading; all of one calendar share its expansion.

    `teams` are the business hours of the teams that have any.
    """

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
        self.teams: Mapping[str, Schedule] = self._of_teams(tx)

    def of(self, agent: Row) -> Schedule | None:
        """Return when an agent works; None for always, also if nobody can read the hours."""
        away = self._absences.get(agent["id"], ())
        calendar, shifts = agent["calendar"], agent["shifts"]
        try:
            if shifts is not None or calendar is None:
                found = self._calendars.get(calendar)
                return schedule_of(found, shifts, away, self._start, self._end)
            base = self._open(calendar)
            return base.without(away) if base is not None and away else base
        except (KeyError, ValueError):
            log.exception("working_hours.unreadable", agent=agent["id"])
            return None

    def _of_teams(self, tx: Transaction) -> dict[str, Schedule]:
        """Return when teams are open; one whose hours nobody can read has none."""
        query = select(_TEAMS.c.name, _TEAMS.c.calendar).where(_TEAMS.c.calendar.is_not(None))
        found = {}
        for row in tx.rows(query):
            try:
                schedule = self._open(row["calendar"])
            except (KeyError, ValueError):
                log.exception("working_hours.unreadable", team=row["name"])
            else:
                if schedule is not None:
                    found[row["name"]] = schedule
        return found

    def _open(self, calendar: str) -> Schedule | None:
        if calendar not in self._expanded:
            self._expanded[calendar] = schedule_of(
                self._calendars[calendar], None, (), self._start, self._end
            )
        return self._expanded[calendar]
