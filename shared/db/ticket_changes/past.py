"""Tickets that lived elsewhere: their dates, states, comments and holders, of which nobody is told.

The events are in the audit trail and in the feed, marked `imported`, and never on the outbox.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shared.db.engine import Transaction
from shared.db.models import Assignment, Comment, Decision, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Assignee, Change
from shared.db.ticket_changes.load import force, lock
from shared.db.types import dump_json
from shared.domain.clock import rfc3339
from shared.domain.comment import AuthorKind, Visibility
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.sla import Said
from shared.domain.ticket import OPEN_STATUSES, PAUSED_STATUSES, TicketStatus
from shared.domain.work import WorkState

_TICKETS, _COMMENTS = table(Ticket), table(Comment)
_ASSIGNMENTS, _DECISIONS = table(Assignment), table(Decision)

#: Stands in decisions for the profile.
IMPORTED = "import"


@dataclass(frozen=True, slots=True)
class Past:
    """What a ticket has behind it.

    `content` is what `ImportTicketSchema` loaded. `assignee` has the ticket, or had it last, and
    it adds `weight` to their load if it is not over. `authors` are the agents who said something,
    by what the comments call them. `life_due_at` is when a resolved one closes by itself.
    """

    content: Mapping[str, Any]
    assignee: Assignee | None
    weight: int
    authors: Mapping[str, Assignee]
    life_due_at: datetime | None

    @property
    def held(self) -> bool:
        """Whether somebody has it now: their load is raised, whether they have room or not."""
        status = self.content["status"]
        waits = status is TicketStatus.OPEN or status in PAUSED_STATUSES
        return waits and self.assignee is not None


def keep_numbers(
    tx: Transaction, numbers: Sequence[int], pasts: Sequence[Past | None]
) -> list[int]:
    """Return the numbers of new tickets: the old ones where no ticket has them, else fresh ones."""
    wanted = [past.content["number"] if past else None for past in pasts]
    asked = {number for number in wanted if number is not None}
    if not asked:
        return list(numbers)
    query = select(_TICKETS.c.number).where(_TICKETS.c.number.in_(asked))
    free = asked - set(tx.execute(query).scalars())
    # A fresh number may be one that a ticket brings along: then it is that ticket's.
    fresh = iter([number for number in numbers if number not in free])
    kept: list[int] = []
    for number in wanted:
        if number is not None and number in free:
            free.discard(number)
            kept.append(number)
        else:
            kept.append(next(fresh))
    tx.dialect.pass_ticket_number(tx.connection, max(kept))
    return kept


def with_past(row: Mapping[str, Any], past: Past) -> dict[str, Any]:
    """Return the row of a new ticket as its past has made it."""
    content = past.content
    status, created_at = content["status"], content["created_at"]
    updated_at = content["updated_at"] or max(
        created_at, content["resolved_at"] or created_at, content["closed_at"] or created_at
    )
    values = {
        **row,
        "status": status,
        "created_at": created_at,
        "updated_at": updated_at,
        # Of those that are over it is when they were; the clocks of the others say it.
        "expected_resolution_at": content["resolved_at"] or content["closed_at"] or updated_at,
        "time_spent_s": sum(comment["time_spent_s"] for comment in content["comments"]),
    }
    if status is TicketStatus.NEW:
        return values
    values |= {
        "work_state": WorkState.DONE,
        "assignee_id": past.assignee["id"] if past.assignee else None,
        # Whoever has it has begun it: it is not taken back because they are not here now.
        "touched_at": updated_at if past.held else None,
        "life_due_at": past.life_due_at,
        "version": 2 if past.held else 1,
    }
    if status is TicketStatus.ON_HOLD:
        reason = content["hold_reason"]
        values["hold"] = {"reason": reason and reason.value, "note": None, "until": None}
    elif status in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        values["resolution"] = content["resolution"]
        values["resolved_at"] = content["resolved_at"] or content["closed_at"] or updated_at
    if status in (TicketStatus.CLOSED, TicketStatus.CANCELLED, TicketStatus.SPAM):
        values["closed_at"] = content["closed_at"] or updated_at
    return values


def alive(row: Mapping[str, Any]) -> bool:
    """Tell whether a ticket is not over: only then has it clocks, from its import on."""
    return row["status"] in OPEN_STATUSES | PAUSED_STATUSES


def said_before(past: Past) -> list[Said]:
    """Return what of its conversation counts for clocks: a reply, and a question after it.

    By an agent and in public, as of any comment; who waits for an answer wrote last.
    """
    ordered = sorted(past.content["comments"], key=lambda each: each["created_at"])
    by = [each["author"]["kind"] for each in ordered if each["visibility"] is Visibility.PUBLIC]
    spoke = [kind for kind in by if kind in (AuthorKind.AGENT, AuthorKind.REQUESTER)]
    if AuthorKind.AGENT not in spoke:
        return []
    return [Said.REPLY] if spoke[-1] is AuthorKind.AGENT else [Said.REPLY, Said.ANSWER]


def told(
    row: Mapping[str, Any],
    past: Past,
    actor: str,
    held: Mapping[str, Any] | None,
    clocks: Sequence[Mapping[str, Any]],
) -> list[tuple[Mapping[str, Any], Change]]:
    """Return the events that a ticket with a past begins with; `held` is its assignment, if any."""
    data: dict[str, Any] = {"sla": list(clocks), "imported": True}
    if clocks and (said := said_before(past)):
        data["said_before"] = [each.value for each in said]
    if past.content["history"]:
        data["history"] = [
            {"at": rfc3339(each["at"]), "what": each["what"], "who": each["who"]}
            for each in past.content["history"]
        ]
    if held is None or past.assignee is None:
        change = Change(row, {}, EventType.TICKET_CREATED, actor, past.assignee, data, silent=True)
        return [(row, change)]
    before = {**row, "version": 1, "status": TicketStatus.NEW, "assignee_id": None, "hold": None}
    assignment = {
        "id": held["id"],
        "decision_id": held["decision_id"],
        "agent": dict(past.assignee),
    }
    given = {"assignment": assignment, "imported": True}
    return [
        (before, Change(before, {}, EventType.TICKET_CREATED, actor, None, data, silent=True)),
        (row, Change(row, {}, EventType.TICKET_ASSIGNED, actor, past.assignee, given, silent=True)),
    ]


def assignment_of(row: Mapping[str, Any], past: Past, now: datetime) -> dict[str, Any] | None:
    """Return the open assignment of a ticket that somebody has, or None."""
    if not past.held or past.assignee is None:
        return None
    return {
        "id": new_id(Prefix.ASSIGNMENT),
        "ticket_id": row["id"],
        "agent_id": past.assignee["id"],
        "decision_id": new_id(Prefix.DECISION),
        "weight": past.weight,
        "started_at": now,
        "offered_until": None,
        "accepted_at": now,
        "ended_at": None,
        "end_reason": None,
    }


def write(
    tx: Transaction,
    pasts: Sequence[tuple[Mapping[str, Any], Past]],
    assignments: Sequence[Mapping[str, Any]],
    actor: str,
    now: datetime,
) -> None:
    """Write what hangs on tickets with a past, once these are written: comments and loads."""
    rows = {row["id"]: row for row, _ in pasts}
    tx.insert(_COMMENTS, [each for row, past in pasts for each in _comments(row["id"], past)])
    tx.insert(_ASSIGNMENTS, assignments)
    tx.insert(_DECISIONS, [_decision(each, rows, actor, now) for each in assignments])
    weights: Counter[str] = Counter()
    for each in assignments:
        weights[each["agent_id"]] += each["weight"]
    if weights:
        lock(tx, sorted(weights))
        for agent_id, weight in sorted(weights.items()):
            force(tx, agent_id, weight, now)


def _comments(ticket_id: str, past: Past) -> list[dict[str, Any]]:
    rows = []
    for said in past.content["comments"]:
        author = said["author"]
        is_agent = author["kind"] is AuthorKind.AGENT
        agent = past.authors.get((author["id"] or "").lower()) if is_agent else None
        rows.append(
            {
                "id": new_id(Prefix.COMMENT),
                "ticket_id": ticket_id,
                "author_kind": author["kind"],
                "author_id": agent["id"] if agent else None,
                "author_name": author["name"] or (agent["name"] if agent else author["id"]),
                "visibility": said["visibility"],
                "body": said["body"],
                "time_spent_s": said["time_spent_s"],
                "merged_from_id": None,
                "created_at": said["created_at"],
            }
        )
    return rows


def _decision(
    assignment: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]], actor: str, now: datetime
) -> dict[str, Any]:
    ticket = rows[assignment["ticket_id"]]
    explanation = {
        "rules_version": 0,
        "rules_fired": [],
        "team": ticket["team"],
        "required_skills": ticket["required_skills"],
        "priority": ticket["priority"].value,
        "profile": {"name": IMPORTED, "version": 0, "filters": [], "matcher": ""},
        "weights": {},
        "subject": {},
        "candidates": [],
        "candidates_total": 0,
        "rejected": [],
        "faults": [],
        "by_hand": {"actor": actor, "guard": False, "reason": "imported"},
    }
    return {
        "id": assignment["decision_id"],
        "ticket_id": assignment["ticket_id"],
        "decided_at": now,
        "outcome": "assigned",
        "agent_id": assignment["agent_id"],
        "profile": IMPORTED,
        "load_share": None,
        "explanation": dump_json(explanation),
    }
