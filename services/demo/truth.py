"""What is true: the demo's questions to the database, in SQL of its own.

How much work is left is asked again and again until there is none; everything else is read once, at
the end, for `services.demo.audit` to judge. Nothing here trusts a counter of the services.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from shared.db.models import (
    Agent,
    AgentSkill,
    AgentTeam,
    Assignment,
    Delivery,
    OutboxEntry,
    Requirement,
    Subscription,
    Team,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.db.types import load_json
from shared.domain.delivery import DeliveryChannel
from shared.domain.event import EventType
from shared.domain.work import WorkState

_TICKETS, _EVENTS, _OUTBOX = table(Ticket), table(TicketEvent), table(OutboxEntry)
_AGENTS, _TEAMS, _ASSIGNMENTS = table(Agent), table(Team), table(Assignment)
_SKILLS, _MEMBERS = table(AgentSkill), table(AgentTeam)
_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)
_WORK_LISTS = (_TICKETS, _OUTBOX, _DELIVERIES, _AGENTS, table(Requirement))


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything the audit looks at, read at one moment.

    Rows are keyed by their ids. `events` maps an event's id to its ticket and sequence, `reasons` a
    waiting ticket's id to why it waits, `webhooks` (event, subscription) and `mails` a delivery's
    id to whether it is done; mails that were withheld are not among them.
    """

    tickets: Mapping[str, Mapping[str, Any]]
    agents: Mapping[str, Mapping[str, Any]]
    skills: Mapping[str, Mapping[str, int]]
    teams: Mapping[str, frozenset[str]]
    open_assignments: Sequence[Mapping[str, Any]]
    events: Mapping[str, tuple[str, int]]
    reasons: Mapping[str, str]
    subscriptions: frozenset[str]
    webhooks: Mapping[tuple[str, str], bool]
    mails: Mapping[str, bool]


def residents(connection: Connection) -> dict[str, int]:
    """Return what a database holds already that a demo would mix with, by table, if anything."""
    counts = {
        resource.name: connection.execute(_count(resource)).scalar_one()
        for resource in (_TICKETS, _AGENTS, _TEAMS, _SUBSCRIPTIONS)
    }
    return {name: count for name, count in counts.items() if count}


def work_left(connection: Connection) -> dict[str, int]:
    """Return how many rows of each work list are to be handled, now or later, if any."""
    counts = {
        work_list.name: connection.execute(
            _count(work_list).where(work_list.c.work_state == WorkState.READY)
        ).scalar_one()
        for work_list in _WORK_LISTS
    }
    return {name: count for name, count in counts.items() if count}


def read_truth(connection: Connection) -> Truth:
    """Read everything that the audit looks at."""
    skills: dict[str, dict[str, int]] = defaultdict(dict)
    for agent_id, skill, level in connection.execute(select(_SKILLS)):
        skills[agent_id][skill] = level
    teams: dict[str, set[str]] = defaultdict(set)
    for agent_id, team in connection.execute(select(_MEMBERS)):
        teams[agent_id].add(team)
    events = select(_EVENTS.c.id, _EVENTS.c.ticket_id, _EVENTS.c.sequence)
    enabled = select(_SUBSCRIPTIONS.c.id).where(_SUBSCRIPTIONS.c.enabled)
    assignments = select(_ASSIGNMENTS).where(_ASSIGNMENTS.c.ended_at.is_(None))
    return Truth(
        tickets=_by_id(connection, _tickets()),
        agents=_by_id(connection, select(_AGENTS)),
        skills=skills,
        teams={agent_id: frozenset(names) for agent_id, names in teams.items()},
        open_assignments=[dict(row) for row in connection.execute(assignments).mappings()],
        events={row.id: (row.ticket_id, row.sequence) for row in connection.execute(events)},
        reasons=_reasons(connection),
        subscriptions=frozenset(connection.execute(enabled).scalars()),
        webhooks={
            (row.event_id, row.receiver): row.work_state is WorkState.DONE
            for row in connection.execute(_deliveries(DeliveryChannel.WEBHOOK))
        },
        mails={
            row.id: row.work_state is WorkState.DONE
            for row in connection.execute(_deliveries(DeliveryChannel.EMAIL))
            # Withheld for a reason that it says: a caller with thirty tickets in ten minutes.
            if row.work_state is not WorkState.CANCELLED
        },
    )


def _reasons(connection: Connection) -> dict[str, str]:
    """Return why each waiting ticket waits, as its newest event told it."""
    query = (
        select(_EVENTS.c.ticket_id, _EVENTS.c.body)
        .join(_TICKETS, _TICKETS.c.id == _EVENTS.c.ticket_id)
        .where(
            _TICKETS.c.work_state == WorkState.WAITING,
            _EVENTS.c.type == EventType.TICKET_WAITING,
        )
        .order_by(_EVENTS.c.sequence)
    )
    return {
        row.ticket_id: load_json(row.body)["data"]["reason"] for row in connection.execute(query)
    }


def _deliveries(channel: DeliveryChannel) -> Select[Any]:
    columns = _DELIVERIES.c
    query = select(columns.id, columns.event_id, columns.receiver, columns.work_state)
    return query.where(columns.channel == channel)


def _count(resource: Table) -> Select[int]:
    return select(func.count()).select_from(resource)


def _tickets() -> Select[Any]:
    columns = _TICKETS.c
    return select(
        columns.id,
        columns.version,
        columns.status,
        columns.work_state,
        columns.assignee_id,
        columns.team,
        columns.required_skills,
    )


def _by_id(connection: Connection, query: Select[Any]) -> dict[str, Mapping[str, Any]]:
    return {row["id"]: dict(row) for row in connection.execute(query).mappings()}
