"""Profiles compared: shadow and live side by side, trial and live by what became of tickets.

One document for the API and the command line: `shared.schemas.shadow.ShadowReportSchema`.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from shared.db.engine import Row, first
from shared.db.models import Team
from shared.db.models.base import table
from shared.db.shadow_report import shadow_report
from shared.db.trial_report import trial_report
from shared.domain.errors import NotFound

#: How far back a report looks unless told otherwise.
LOOKS_BACK = timedelta(days=7)

_TEAMS = table(Team)


def routing_report(
    connection: Connection, now: datetime, since: datetime | None = None, team: str | None = None
) -> Row:
    """Return the report of a team, or of all; raises NotFound if there is no such team."""
    if team is not None and first(connection, select(_TEAMS).where(_TEAMS.c.name == team)) is None:
        message = f"There is no team {team!r}."
        raise NotFound(message)
    start = now - LOOKS_BACK if since is None else since
    trials, complete = trial_report(connection, start, now, team)
    return {
        "since": start,
        "until": now,
        "team": team,
        "shadows": shadow_report(connection, start, team),
        "trials": trials,
        "complete": complete,
    }
