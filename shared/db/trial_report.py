"""What became of tickets that live and trial profiles decided: the outcome of an A/B.

A ticket counts for the profile that decided about it first, whatever happened to it afterwards:
that is what the hash of the ticket drew by lot. Documents are those of
`shared.schemas.shadow.TrialSchema`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from shared.db.engine import Row, rows
from shared.db.models import Decision, Team, Ticket, TicketEvent
from shared.db.models.base import table
from shared.domain.event import EventType
from shared.domain.samples import mean, quantile, welch

#: The newest tickets of the desk that are looked at; it bounds what a report costs.
MAX_TICKETS = 100_000

_TEAMS, _TICKETS = table(Team), table(Ticket)
_DECISIONS, _EVENTS = table(Decision), table(TicketEvent)


def trial_report(
    connection: Connection, since: datetime, until: datetime, team: str | None
) -> tuple[list[Row], bool]:
    """Return one document for each team with a trial profile, of tickets made from `since` on.

    With it, whether those were all of them, or there were more than are looked at.
    """
    query = select(_TEAMS).where(_TEAMS.c.trial_profile.is_not(None)).order_by(_TEAMS.c.name)
    trials = rows(connection, query if team is None else query.where(_TEAMS.c.name == team))
    if not trials:
        return [], True
    newest = connection.execute(select(func.max(_TICKETS.c.number))).scalar_one() or 0
    floor = newest - MAX_TICKETS
    tickets: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows(connection, _tickets([each["name"] for each in trials], floor, since)):
        tickets[row["team"], row["profile"]].append(row)
    older = select(_TICKETS.c.created_at).where(_TICKETS.c.number <= floor)
    last_left_out = connection.execute(
        older.order_by(_TICKETS.c.number.desc()).limit(1)
    ).scalar_one_or_none()
    complete = last_left_out is None or last_left_out < since
    return [_trial(each, tickets, until) for each in trials], complete


def _tickets(teams: Sequence[str], floor: int, since: datetime) -> Any:
    """Return the query of the tickets; each has an index for its decisions and its events."""
    made = select(_DECISIONS).where(_DECISIONS.c.ticket_id == _TICKETS.c.id)
    first = made.order_by(_DECISIONS.c.id).limit(1)
    chosen = first.where(_DECISIONS.c.load_share.is_not(None))
    happened = _EVENTS.c.ticket_id == _TICKETS.c.id
    assigned = select(func.min(_EVENTS.c.occurred_at)).where(
        happened, _EVENTS.c.type == EventType.TICKET_ASSIGNED
    )
    reopened = exists().where(happened, _EVENTS.c.type == EventType.TICKET_REOPENED)
    return select(
        _TICKETS.c.team,
        _TICKETS.c.created_at,
        _TICKETS.c.expected_resolution_at,
        _TICKETS.c.resolved_at,
        first.with_only_columns(_DECISIONS.c.profile).scalar_subquery().label("profile"),
        chosen.with_only_columns(_DECISIONS.c.load_share).scalar_subquery().label("load_share"),
        assigned.scalar_subquery().label("assigned_at"),
        reopened.label("reopened"),
    ).where(_TICKETS.c.number > floor, _TICKETS.c.created_at >= since, _TICKETS.c.team.in_(teams))


def _trial(team: Row, tickets: dict[tuple[str, str], list[Row]], until: datetime) -> Row:
    live = tickets[team["name"], team["profile"]]
    trial = tickets[team["name"], team["trial_profile"]]
    # A trial of the live profile itself has no two sides.
    if team["profile"] == team["trial_profile"]:
        trial = []
    differences = []
    for name, values in _MEASURES.items():
        found = welch(values(live, until), values(trial, until))
        if found is not None:
            differences.append({"measure": name, **asdict(found)})
    return {
        "team": team["name"],
        "trial_percent": team["trial_percent"],
        "live": _arm(team["profile"], live, until),
        "trial": _arm(team["trial_profile"], trial, until),
        "differences": differences,
    }


def _arm(profile: str, tickets: Sequence[Row], until: datetime) -> Row:
    return {
        "profile": profile,
        "tickets": len(tickets),
        "assigned": sum(ticket["assigned_at"] is not None for ticket in tickets),
        "resolved": sum(ticket["resolved_at"] is not None for ticket in tickets),
        "wait_s": _times(_waits(tickets, until)),
        "resolution_s": _times(_resolutions(tickets, until)),
        "reopen_rate": mean(_reopened(tickets, until)),
        "sla_attainment": mean(_attained(tickets, until)),
        "load_share": mean(_loads(tickets, until)),
    }


def _times(values: Sequence[float]) -> Row:
    return {"mean": mean(values), "p50": quantile(values, 0.5), "p95": quantile(values, 0.95)}


def _waits(tickets: Sequence[Row], _: datetime) -> list[float]:
    return [
        (ticket["assigned_at"] - ticket["created_at"]).total_seconds()
        for ticket in tickets
        if ticket["assigned_at"] is not None
    ]


def _resolutions(tickets: Sequence[Row], _: datetime) -> list[float]:
    return [
        (ticket["resolved_at"] - ticket["created_at"]).total_seconds()
        for ticket in tickets
        if ticket["resolved_at"] is not None
    ]


def _reopened(tickets: Sequence[Row], _: datetime) -> list[float]:
    """Return 1 or 0 for each ticket that was ever resolved."""
    return [
        float(ticket["reopened"])
        for ticket in tickets
        if ticket["resolved_at"] is not None or ticket["reopened"]
    ]


def _attained(tickets: Sequence[Row], until: datetime) -> list[float]:
    """Return 1 or 0 for each ticket of which it is decided: it is resolved, or late already."""
    found = []
    for ticket in tickets:
        due, resolved_at = ticket["expected_resolution_at"], ticket["resolved_at"]
        if resolved_at is not None or until > due:
            found.append(float(resolved_at is not None and resolved_at <= due))
    return found


def _loads(tickets: Sequence[Row], _: datetime) -> list[float]:
    return [ticket["load_share"] for ticket in tickets if ticket["load_share"] is not None]


_MEASURES: dict[str, Callable[[Sequence[Row], datetime], list[float]]] = {
    "wait_s": _waits,
    "resolution_s": _resolutions,
    "reopen_rate": _reopened,
    "sla_attainment": _attained,
    "load_share": _loads,
}
