"""Conservation: every ticket is where its status demands, with whom it says, and nowhere else.

`shared.domain.placement` has the rule. The cheap core asks it of tickets that are alive, of what
the routing list looks at and of open assignments: it costs what the backlog costs, however many
tickets are over. The whole asks it of every ticket.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, null, or_, select, union

from shared.db.models import Assignment, Requirement, Ticket
from shared.db.models.base import table
from shared.db.soundness.check import Check, Look, Question
from shared.db.types import READY, WAITING
from shared.domain.placement import PLACES, Holder
from shared.domain.ticket import OPEN_STATUSES, PAUSED_STATUSES
from shared.domain.work import WorkState

TICKETS, ASSIGNMENTS, REQUIREMENTS = table(Ticket), table(Assignment), table(Requirement)

#: A ticket that is not over: somebody has it or looks for it.
ALIVE = sorted(OPEN_STATUSES | PAUSED_STATUSES)


def placed() -> ColumnElement[bool]:
    """Say that a ticket's own row fits together: `shared.domain.placement.is_placed` in SQL."""
    columns = TICKETS.c
    fits = []
    for status, place in PLACES.items():
        conditions = [columns.status == status, columns.work_state.in_(sorted(place.states))]
        match place.holder:
            case Holder.ASKED:
                listed = columns.work_state.in_([WorkState.READY, WorkState.DEAD])
                conditions += [
                    columns.assignee_id.is_(None),
                    or_(columns.offered_to.is_(None), listed),
                ]
            case Holder.ASSIGNEE:
                conditions += [columns.assignee_id.is_not(None), columns.offered_to.is_(None)]
            case _:
                conditions += [columns.offered_to.is_(None)]
        fits.append(and_(*conditions))
    return or_(*fits)


def holder() -> ColumnElement[Any]:
    """Who should have the open assignment: `shared.domain.placement.expected_holder` in SQL."""
    by_status = {
        Holder.ASKED: TICKETS.c.offered_to,
        Holder.ASSIGNEE: TICKETS.c.assignee_id,
        Holder.KEEPER: TICKETS.c.assignee_id,
    }
    cases = [
        (TICKETS.c.status == status, by_status[place.holder])
        for status, place in PLACES.items()
        if place.holder in by_status
    ]
    return case(*cases, else_=null())


def misplaced() -> Select[Any]:
    """Return tickets that are not where their status demands."""
    columns = TICKETS.c
    return select(
        columns.id,
        columns.number,
        columns.status,
        columns.work_state,
        columns.assignee_id,
        columns.offered_to,
    ).where(~placed())


def misheld() -> Select[Any]:
    """Return tickets whose open assignment is not with whom they say; one row for each of those."""
    columns, held = TICKETS.c, ASSIGNMENTS.c
    open_of = and_(held.ticket_id == columns.id, held.ended_at.is_(None))
    return (
        select(
            columns.id,
            columns.number,
            columns.status,
            holder().label("holder"),
            held.agent_id,
        )
        .select_from(TICKETS.outerjoin(ASSIGNMENTS, open_of))
        .where(holder().is_distinct_from(held.agent_id))
    )


def _nowhere(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the ids of tickets that are misplaced or misheld, in one pass."""
    columns, held = TICKETS.c, ASSIGNMENTS.c
    open_of = and_(held.ticket_id == columns.id, held.ended_at.is_(None))
    return (
        select(columns.id)
        .select_from(TICKETS.outerjoin(ASSIGNMENTS, open_of))
        .where(or_(~placed(), holder().is_distinct_from(held.agent_id)), *conditions)
    )


def needless() -> Select[Any]:
    """Return waiting tickets whose need nobody matches, because it is on no list."""
    columns = TICKETS.c
    known = select(REQUIREMENTS.c.signature).where(REQUIREMENTS.c.signature == columns.signature)
    return select(columns.id, columns.number, columns.signature).where(
        columns.work_state == WAITING, ~known.exists()
    )


def unaccounted(look: Look) -> int:
    """Count tickets that are nowhere, by the cheap core."""
    columns = TICKETS.c
    held = columns.id.in_(select(ASSIGNMENTS.c.ticket_id).where(ASSIGNMENTS.c.ended_at.is_(None)))
    over = columns.status.not_in(ALIVE)
    parts = [
        _nowhere(columns.status.in_(ALIVE)),
        # Of what is over only what a list looks at, or an agent has: three looks at indexes.
        *(_nowhere(columns.work_state == listed, over) for listed in (READY, WAITING)),
        _nowhere(over, held),
        needless().with_only_columns(columns.id),
    ]
    ids = union(*parts).subquery("nowhere")
    return int(look.connection.execute(select(func.count()).select_from(ids)).scalar_one())


def _doubly_assigned(_: Look) -> Question:
    held = ASSIGNMENTS.c
    query = (
        select(held.ticket_id.label("id"), func.count().label("assignments"))
        .where(held.ended_at.is_(None))
        .group_by(held.ticket_id)
        .having(func.count() > 1)
    )
    return Question(query)


def _endless_holds(_: Look) -> Question:
    columns = TICKETS.c
    until = columns.hold["until"].as_string()
    query = select(columns.id, columns.number, until.label("until")).where(
        columns.status.in_(sorted(PAUSED_STATUSES)),
        columns.life_due_at.is_(None),
        until.is_not(None),
    )
    return Question(query)


def _offers(look: Look) -> Question:
    held = ASSIGNMENTS.c
    query = select(held.id, held.ticket_id, held.agent_id, held.offered_until).where(
        held.ended_at.is_(None),
        held.accepted_at.is_(None),
        held.offered_until < look.now - look.patience,
    )
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the checks of tickets and who has them."""
    yield Check(
        "tickets-placed",
        "every ticket is on the list that its status demands, or needs none",
        lambda _: Question(misplaced()),
        lambda row: (
            f"ticket {row['number']} is {row['status']} and {row['work_state']} on the routing "
            f"list, with {row['assignee_id'] or 'nobody'}"
            + (f", offered to {row['offered_to']}" if row["offered_to"] else "")
        ),
        "puts it back on the routing list, or takes it off",
    )
    yield Check(
        "tickets-held",
        "every ticket is with whom it says, by one open assignment",
        lambda _: Question(misheld()),
        lambda row: (
            f"ticket {row['number']} ({row['status']}) is with {row['holder'] or 'nobody'}, "
            f"its open assignment with {row['agent_id'] or 'nobody'}"
        ),
        "ends the assignment and routes the ticket again",
    )
    yield Check(
        "one-assignment",
        "no ticket has two open assignments",
        _doubly_assigned,
        lambda row: f"ticket {row['id']} has {row['assignments']} open assignments",
    )
    yield Check(
        "needs-known",
        "every waiting ticket's need is on the matching list",
        lambda _: Question(needless()),
        lambda row: f"ticket {row['number']} waits for {row['signature'] or 'nothing'}, unknown",
        "routes the ticket again, which writes its need",
    )
    yield Check(
        "holds-end",
        "every pause that has an end is looked at then",
        _endless_holds,
        lambda row: f"ticket {row['number']} rests until {row['until']}, and nothing ends it",
        "sets the moment at which it is resumed",
    )
    yield Check(
        "offers-end",
        "no offer is open long after its time to answer",
        _offers,
        lambda row: (
            f"ticket {row['ticket_id']} is offered to {row['agent_id']} "
            f"since before {row['offered_until']:%Y-%m-%d %H:%M} UTC"
        ),
    )
