"""Dead rows tried again, or dropped for good with the reason on record."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from shared.db import ticket_changes
from shared.db.audit import record
from shared.db.dead.lists import DeadList
from shared.db.dead.reading import Wanted, keys_of
from shared.db.engine import Database, Transaction
from shared.db.models import Delivery, DroppedWork, MailDigestEntry, OutboxEntry, Subscription
from shared.db.models.base import table
from shared.domain.audit import Actor, AuditAction
from shared.domain.delivery import REPLAY_RANK
from shared.domain.lifecycle import ChildrenRule, LifeRules, Transition
from shared.domain.ticket import TicketStatus
from shared.domain.work import ListName, WorkState

_DELIVERIES, _OUTBOX, _DROPPED = table(Delivery), table(OutboxEntry), table(DroppedWork)
_SUBSCRIPTIONS = table(Subscription)

#: Who acts, in events.
ACTOR = "operator"

#: Rows in one transaction.
BATCH = 200

_GAVE_UP = (WorkState.DEAD, WorkState.UNKNOWN)


def retry(tx: Transaction, each: DeadList, keys: Sequence[str], now: datetime, actor: Actor) -> int:
    """Make dead rows of a list ready again, with all their attempts; return how many.

    A row that is dead no longer stays as it is, and so does what is for nobody any more. `actor` is
    who the audit log names.
    """
    count = _retry(tx, each, keys, now)
    if count:
        details = {"count": count}
        record(tx, actor, AuditAction.WORK_RETRIED, each.name.value, now, details)
    return count


def _retry(tx: Transaction, each: DeadList, keys: Sequence[str], now: datetime) -> int:
    if each.table is not _DELIVERIES:
        return each.work_list.redrive(tx, keys, now)
    columns = _DELIVERIES.c
    # One whose subscription was deleted, or whose requester was erased, is nobody's any more.
    there = (
        columns.receiver.in_(select(_SUBSCRIPTIONS.c.id))
        if each.name is ListName.WEBHOOK
        else ~columns.receiver.startswith("erased:")
    )
    statement = (
        update(_DELIVERIES)
        .where(columns.id.in_(keys), columns.work_state.in_(_GAVE_UP), there)
        # Behind what was never tried, and ahead of nothing: like what the API sends again.
        .values(
            work_state=WorkState.READY,
            rank=REPLAY_RANK,
            available_at=now,
            attempts=0,
            last_error=None,
            finished_at=None,
            lease_token=None,
            data_started_at=None,
        )
        .returning(columns.id)
    )
    again = list(tx.execute(statement).scalars())
    # What a digest told is told anew, and no longer as a part of that one.
    tx.delete(table(MailDigestEntry), again)
    return len(again)


def retry_all(
    database: Database, wanted: Wanted, now: datetime, actor: Actor
) -> Iterator[tuple[DeadList, int]]:
    """Make every wanted row ready again, a batch at a time; yield how many of which list."""
    for each in wanted.lists:
        after = ""
        while True:
            with database.reading() as connection:
                keys = keys_of(connection, wanted, each, after, BATCH)
            if not keys:
                break
            after = keys[-1]
            with database.transaction() as tx:
                count = retry(tx, each, keys, now, actor)
            yield each, count


def drop(
    tx: Transaction, each: DeadList, key: str, reason: str, now: datetime, actor: Actor
) -> bool:
    """Take a dead row off its list for good; return whether it was there.

    A new ticket is cancelled, and its requester told; one that an agent has stays with the agent.
    """
    columns = each.table.c
    query = (
        select(*(column for column in columns if column.name not in ("body", "results")))
        .where(columns[each.work_list.key] == key, columns.work_state.in_(_GAVE_UP), each.condition)
        .with_for_update(key_share=True)
    )
    row = tx.first(query)
    if row is None:
        return False
    _DROPS.get(each.name, _cancel)(tx, each, key, reason, now)
    note = {
        "list": each.name.value,
        "key": key,
        "about": each.about(row),
        "reason": reason,
        "dropped_at": now,
    }
    known = {"about", "reason", "dropped_at"}
    tx.execute(tx.dialect.upsert(_DROPPED, ("list", "key"), tuple(sorted(known))), note)
    details = {"list": each.name.value}
    record(tx, actor, AuditAction.WORK_DROPPED, key, now, details)
    return True


def _cancel(tx: Transaction, each: DeadList, key: str, reason: str, now: datetime) -> None:
    """Leave the row where it is, as one that nobody wants any more."""
    values: dict[str, Any] = {"work_state": WorkState.CANCELLED, "last_error": f"dropped: {reason}"}
    if "finished_at" in each.table.c:
        values["finished_at"] = now
    if each.name is ListName.BULK:
        values["body"] = None
    statement = update(each.table).where(each.table.c[each.work_list.key] == key)
    tx.execute(statement.values(**values))


def _forget(tx: Transaction, _: DeadList, key: str, __: str, ___: datetime) -> None:
    """Take an event off the outbox: later ones of its ticket wait for whatever is there."""
    tx.delete(_OUTBOX, [key])


def _end_ticket(tx: Transaction, _: DeadList, key: str, reason: str, now: datetime) -> None:
    [(ticket, assignee)] = ticket_changes.members(tx, [key])
    if ticket["status"] is not TicketStatus.NEW:
        ticket_changes.take_off(tx, ticket)
        return
    asked = ticket_changes.Asked(ACTOR, ticket["correlation_id"], reason)
    details = {"children": ChildrenRule.LEAVE}
    step = Transition.CANCEL
    ticket_changes.transition(tx, ticket, assignee, step, details, now, asked, LifeRules())


_DROPS: dict[ListName, Callable[[Transaction, DeadList, str, str, datetime], None]] = {
    ListName.ROUTING: _end_ticket,
    ListName.EVENTS: _forget,
}
