"""This installation's own past as a log for `patchbay simulate --history`."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import select

from services.cli.database_file import existing_database
from services.router.simulation.log import LogRecord, record_of
from services.router.simulation.theory.errors import LabError
from shared.db.models import Agent, Assignment, Ticket
from shared.db.models.base import table
from shared.settings import Settings

_TICKETS, _ASSIGNMENTS, _AGENTS = table(Ticket), table(Assignment), table(Agent)


def read_history(settings: Settings, since: datetime | None) -> list[LogRecord]:
    """Return the tickets created since a moment, or all, in the order of creation.

    Raises LabError if there are none.
    """
    with existing_database(settings) as database, database.transaction() as tx:
        query = select(
            _TICKETS.c.id,
            _TICKETS.c.created_at,
            _TICKETS.c.channel,
            _TICKETS.c.category,
            _TICKETS.c.priority,
            _TICKETS.c.team,
            _TICKETS.c.resolved_at,
        ).order_by(_TICKETS.c.created_at, _TICKETS.c.id)
        stints = (
            select(
                _ASSIGNMENTS.c.ticket_id,
                _ASSIGNMENTS.c.started_at,
                _ASSIGNMENTS.c.ended_at,
                _AGENTS.c.name,
            )
            .join(_AGENTS, _AGENTS.c.id == _ASSIGNMENTS.c.agent_id)
            .order_by(_ASSIGNMENTS.c.started_at, _ASSIGNMENTS.c.id)
        )
        if since is not None:
            query = query.where(_TICKETS.c.created_at >= since)
            stints = stints.where(_ASSIGNMENTS.c.started_at >= since)
        tickets, assignments = tx.rows(query), tx.rows(stints)
    if not tickets:
        raise LabError("The history holds no tickets since then; leave --since out for all of it")
    return history_records(tickets, assignments)


def history_records(
    tickets: list[dict[str, Any]], assignments: list[dict[str, Any]]
) -> list[LogRecord]:
    """Return log records of rows: tickets with their team, assignments with the agent's name."""
    by_ticket: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for assignment in assignments:
        by_ticket[assignment["ticket_id"]].append(assignment)
    records = []
    for ticket in tickets:
        stints = by_ticket[ticket["id"]]
        team = ticket["team"] or "everybody"
        events = [
            {"at": at, "agent": stint["name"], "group": team}
            for stint in stints
            for at in (stint["started_at"], stint["ended_at"])
            if at is not None
        ]
        row = {
            "id": ticket["id"],
            "opened_at": ticket["created_at"],
            "channel": ticket["channel"],
            "category": ticket["category"],
            "priority": ticket["priority"],
            "group_final": team,
            "agent_final": stints[-1]["name"] if stints else None,
            "resolved_at": ticket["resolved_at"],
            "events": events,
        }
        records.append(record_of(row))
    return records
