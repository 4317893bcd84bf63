"""What a database says after a fault, as plain values: the one side that the checker compares.

Read with the table definitions and nothing else of the services, so that a fault in their queries
cannot hide itself.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, case, func, or_, select

from services.chaos.commit_order import spans
from shared.db.engine import Database
from shared.db.models import (
    Absence,
    Agent,
    AgentSkill,
    AgentTeam,
    Assignment,
    Decision,
    Delivery,
    OutboxEntry,
    Profile,
    Requirement,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.domain.agent import Presence
from shared.domain.clock import Clock, SystemClock
from shared.domain.delivery import DeliveryChannel
from shared.domain.event import EventType
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

_TICKETS, _AGENTS, _ASSIGNMENTS = table(Ticket), table(Agent), table(Assignment)
_EVENTS, _DECISIONS, _SKILLS = table(TicketEvent), table(Decision), table(AgentSkill)
_DELIVERIES = table(Delivery)

#: What time itself will change within this counts as work that is left.
SOON = timedelta(seconds=3)
_WAITING_UNTIL = case((_TICKETS.c.work_state == WorkState.WAITING, _TICKETS.c.available_at))

#: Every list on which work can be left, with the name that a violation shows.
_LISTS = {
    "tickets": _TICKETS,
    "agents": _AGENTS,
    "requirements": table(Requirement),
    "outbox": table(OutboxEntry),
    "deliveries": _DELIVERIES,
}


#: Who was told, by the id of a subscription, and of which event.
Told = tuple[str, str]

#: Filters whose reasons are known here; of `excluded` only while it names nobody.
_KNOWN_FILTERS = {
    "team",
    "skills",
    "language",
    "excluded",
    "conflict",
    "presence",
    "shift",
    "capacity",
}


@dataclass(frozen=True, slots=True)
class TicketFact:
    """A ticket; `skills` are the levels that whoever gets it must have."""

    id: str
    status: TicketStatus
    work_state: WorkState
    version: int
    assignee: str | None
    skills: Mapping[str, int]
    team: str | None = None
    language: str | None = None
    tags: frozenset[str] = frozenset()
    declined_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AgentFact:
    """An agent; `limit` is the capacity and what was knowingly taken above it.

    `at_hours` says that hours or absences decide, too, about whether the agent works.
    """

    id: str
    online: bool
    load: int
    capacity: int
    limit: int
    skills: Mapping[str, int]
    teams: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()
    at_hours: bool = False

    def could_take(self, ticket: TicketFact, weight: int = 1) -> bool:
        """Tell whether a ticket should not wait while this agent is there.

        True only if that is beyond doubt: of agents with hours it is not said.
        """
        skilled = all(self.skills.get(name, 0) >= level for name, level in ticket.skills.items())
        return (
            self.online
            and not self.at_hours
            and self.load + weight <= self.capacity
            and skilled
            and (ticket.team is None or ticket.team in self.teams)
            and (not ticket.language or not self.languages or ticket.language in self.languages)
            and not ticket.tags & self.conflicts
            and self.id not in ticket.declined_by
        )


@dataclass(frozen=True, slots=True)
class AssignmentFact:
    """Who had a ticket from when to when, and whether a record says why.

    `from_commit` and `to_commit` are its places in the order of commits (`commit_order`), None
    where that is not known.
    """

    ticket: str
    agent: str
    weight: int
    started_at: datetime
    ended_at: datetime | None
    explained: bool
    from_commit: int | None = None
    to_commit: int | None = None


@dataclass(frozen=True, slots=True)
class EventFact:
    """An event; `reason` is why a ticket waits, in the event that says so."""

    id: str
    ticket: str
    sequence: int
    type: EventType
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A whole database. `unfinished` counts what is left to do or was given up, by list.

    `heaviest` is what a ticket adds to a load at the most; None where filters decide that are not
    known here, so that nobody can tell from outside whether a ticket waits without need. `webhooks`
    and `mails` are the deliveries that are recorded as done: who was told of which event, and the
    ids of mails.
    """

    tickets: Sequence[TicketFact]
    agents: Sequence[AgentFact]
    assignments: Sequence[AssignmentFact]
    events: Sequence[EventFact]
    webhooks: frozenset[Told]
    unfinished: Mapping[str, int]
    heaviest: int | None = 1
    mails: frozenset[str] = frozenset()


def unfinished(connection: Connection, now: datetime, soon: timedelta = SOON) -> dict[str, int]:
    """Count rows that are ready, dead or due soon, as `outbox ready`; empty means at rest."""
    found: Counter[str] = Counter()
    for name, rows in _LISTS.items():
        states = [WorkState.READY, WorkState.DEAD]
        query = (
            select(rows.c.work_state, func.count())
            .where(rows.c.work_state.in_(states))
            .group_by(rows.c.work_state)
        )
        for state, count in connection.execute(query):
            found[f"{name} {WorkState(state).value}"] += count
    due = _TICKETS.c.life_due_at, _TICKETS.c.sla_due_at, _WAITING_UNTIL
    count = connection.execute(
        select(func.count())
        .select_from(_TICKETS)
        .where(or_(*(column <= now + soon for column in due)))
    ).scalar_one()
    if count:
        found["tickets due soon"] = count
    return dict(found)


def read_facts(database: Database, clock: Clock | None = None, soon: timedelta = SOON) -> Facts:
    """Read everything that the checker looks at, as of one moment."""
    now = (clock or SystemClock()).now()
    done = _DELIVERIES.c.work_state == WorkState.DONE
    webhooks = select(_DELIVERIES.c.receiver, _DELIVERIES.c.event_id).where(
        _DELIVERIES.c.channel == DeliveryChannel.WEBHOOK, done
    )
    mails = select(_DELIVERIES.c.id).where(_DELIVERIES.c.channel == DeliveryChannel.EMAIL, done)
    with database.snapshot() as connection:
        return Facts(
            tickets=[_ticket(row) for row in connection.execute(select(_TICKETS)).mappings()],
            agents=_agents(connection),
            assignments=_assignments(connection),
            events=[_event(row) for row in connection.execute(select(_EVENTS)).mappings()],
            webhooks=frozenset((row[0], row[1]) for row in connection.execute(webhooks)),
            unfinished=unfinished(connection, now, soon),
            heaviest=_heaviest(connection),
            mails=frozenset(connection.execute(mails).scalars()),
        )


def _ticket(row: RowMapping) -> TicketFact:
    skills = {skill["skill"]: skill["level"] for skill in row["required_skills"]}
    return TicketFact(
        row["id"],
        row["status"],
        row["work_state"],
        row["version"],
        row["assignee_id"],
        skills,
        row["team"],
        row["language"],
        frozenset(row["tags"]),
        frozenset(row["declined_by"]),
    )


def _heaviest(connection: Connection) -> int | None:
    """Return what a ticket weighs at the most by any profile; None with filters of others."""
    heaviest = 1
    for document in connection.execute(select(table(Profile).c.document)).scalars():
        excluded = document.get("options", {}).get("excluded", {}).get("agents")
        if excluded or not _KNOWN_FILTERS.issuperset(document.get("filters", ())):
            return None
        weights = (document.get(f"{name}_weights", {}) for name in ("channel", "priority"))
        by_channel, by_priority = (max((1, *each.values())) for each in weights)
        heaviest = max(heaviest, by_channel * by_priority)
    return heaviest


def _event(row: RowMapping) -> EventFact:
    reason = ""
    if row["type"] is EventType.TICKET_WAITING:
        reason = json.loads(row["body"])["data"].get("reason") or ""
    return EventFact(row["id"], row["ticket_id"], row["sequence"], row["type"], reason)


def _agents(connection: Connection) -> list[AgentFact]:
    skills: dict[str, dict[str, int]] = {}
    for agent, skill, level in connection.execute(select(_SKILLS)):
        skills.setdefault(agent, {})[skill] = level
    teams: dict[str, set[str]] = {}
    for agent, team in connection.execute(select(table(AgentTeam))):
        teams.setdefault(agent, set()).add(team)
    absent = frozenset(connection.execute(select(table(Absence).c.agent_id)).scalars())
    return [
        AgentFact(
            row["id"],
            row["presence"] is Presence.ONLINE,
            row["load"],
            row["capacity"],
            row["capacity"] + row["overcommit"],
            skills.get(row["id"], {}),
            frozenset(teams.get(row["id"], ())),
            frozenset(row["languages"]),
            frozenset(row["conflicts"]),
            bool(row["calendar"] or row["shifts"]) or row["id"] in absent,
        )
        for row in connection.execute(select(_AGENTS)).mappings()
    ]


def _assignments(connection: Connection) -> list[AssignmentFact]:
    decided = select(_DECISIONS.c.id, _DECISIONS.c.ticket_id, _DECISIONS.c.agent_id)
    decisions = {row.id: (row.ticket_id, row.agent_id) for row in connection.execute(decided)}
    rows = connection.execute(select(_ASSIGNMENTS)).mappings().all()
    known = spans(connection, rows)
    return [
        AssignmentFact(
            row["ticket_id"],
            row["agent_id"],
            row["weight"],
            row["started_at"],
            row["ended_at"],
            decisions.get(row["decision_id"]) == (row["ticket_id"], row["agent_id"]),
            known[row["id"]].began,
            known[row["id"]].ended,
        )
        for row in rows
    ]
