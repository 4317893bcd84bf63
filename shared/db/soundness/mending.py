"""Mending: what of the findings can be put right without asking anybody.

A batch is one transaction. It takes the locks of the services, asks the check again for its rows,
and changes what is still wrong: whatever somebody else put right meanwhile is left alone. One
mending at a time, by a claim that ends with the transaction.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from shared.db import ticket_changes
from shared.db.audit import record
from shared.db.engine import Database, Row, Transaction
from shared.db.models import Delivery, OutboxEntry, Subscription, Ticket, TicketEvent
from shared.db.models.base import table
from shared.db.new_delivery import new_delivery
from shared.db.soundness.check import Check, Look, broken_rows
from shared.db.soundness.orphans import REFERENCES, Reference
from shared.db.types import READY
from shared.db.work_lists import TICKETS_TO_ROUTE
from shared.domain.audit import Actor, AuditAction
from shared.domain.clock import Clock
from shared.domain.delivery import REPLAY_RANK, DeliveryChannel
from shared.domain.errors import Conflict, Unavailable
from shared.domain.work import WorkState
from shared.failpoints import failpoint
from shared.observability.logging import get_logger

#: Who acts, in events.
ACTOR = "verify"

#: Rows in one transaction.
BATCH = 100

#: Of advisory locks, the one of mending.
_CLAIM = 7205759403792793601

_TICKETS, _EVENTS, _OUTBOX = table(Ticket), table(TicketEvent), table(OutboxEntry)
_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done about one row; `failed` says that it could not be, and `what` why."""

    check: str
    id: str
    what: str
    failed: bool = False


#: What is done by row. Gets the ids, and a way to ask again which of them are still broken.
_Handler = Callable[[Transaction, Sequence[str], Callable[[], list[Row]], datetime], dict[str, str]]


#: Makes a look at a database through a connection.
NewLook = Callable[[Connection], Look]


def mend(
    database: Database, clock: Clock, check: Check, new_look: NewLook, actor: Actor
) -> Iterator[Mended]:
    """Put right what breaks a promise, a batch at a time; yield what was done.

    `actor` is who the audit log names. Raises Unavailable, and Conflict if somebody else is
    mending.
    """
    after = ""
    while True:
        with database.snapshot() as connection:
            look = new_look(connection)
            ids = [str(row["id"]) for row in broken_rows(look, check, after=after, limit=BATCH)]
        if not ids:
            return
        after = ids[-1]
        keys = list(dict.fromkeys(ids))
        try:
            yield from _mend(database, clock, check, new_look, keys, actor)
        except (Unavailable, Conflict):
            raise
        except Exception as error:  # noqa: BLE001 -- each is tried alone
            log.warning("mending.failed", check=check.name, rows=len(keys), error=repr(error))
            for key in keys:
                yield from _mend_alone(database, clock, check, new_look, key, actor)


def _mend(
    database: Database,
    clock: Clock,
    check: Check,
    new_look: NewLook,
    keys: Sequence[str],
    actor: Actor,
) -> list[Mended]:
    now = clock.now()
    with database.transaction() as tx:
        if not tx.claim(_CLAIM):
            message = "Somebody else is mending this database at the moment."
            raise Conflict(message)

        def still_broken() -> list[Row]:
            return broken_rows(new_look(tx.flushed()), check, only=keys)

        done = _HANDLERS[check.name](tx, keys, still_broken, now)
        if done:
            details = {"count": len(done)}
            record(tx, actor, AuditAction.REPAIRED, check.name, now, details)
            failpoint("repair.made")
    if done:
        failpoint("repair.committed")
    return [Mended(check.name, key, what) for key, what in done.items()]


def _mend_alone(
    database: Database, clock: Clock, check: Check, new_look: NewLook, key: str, actor: Actor
) -> list[Mended]:
    try:
        return _mend(database, clock, check, new_look, [key], actor)
    except (Unavailable, Conflict):
        raise
    except Exception as error:
        log.exception("mending.row_failed", check=check.name, id=key)
        return [Mended(check.name, key, f"{type(error).__name__}: {error}", failed=True)]


def _tickets(
    tx: Transaction, keys: Sequence[str], _: Callable[[], list[Row]], now: datetime
) -> dict[str, str]:
    return ticket_changes.put_right(tx, keys, now, ACTOR)


def _loads(
    tx: Transaction, keys: Sequence[str], _: Callable[[], list[Row]], now: datetime
) -> dict[str, str]:
    return ticket_changes.recount_loads(tx, keys, now)


def _needs(
    tx: Transaction, keys: Sequence[str], still: Callable[[], list[Row]], now: datetime
) -> dict[str, str]:
    ticket_changes.members(tx, sorted(keys))
    broken = [row["id"] for row in still()]
    TICKETS_TO_ROUTE.wake(tx, broken, now)
    return dict.fromkeys(broken, "put it on the routing list")


def _holds(
    tx: Transaction, keys: Sequence[str], still: Callable[[], list[Row]], _: datetime
) -> dict[str, str]:
    ticket_changes.members(tx, sorted(keys))
    ends = {row["id"]: datetime.fromisoformat(row["until"]) for row in still()}
    ticket_changes.end_holds(tx, ends)
    return {key: f"it is resumed at {until:%Y-%m-%d %H:%M} UTC" for key, until in ends.items()}


def _clocks(
    tx: Transaction, keys: Sequence[str], still: Callable[[], list[Row]], now: datetime
) -> dict[str, str]:
    ticket_changes.members(tx, sorted(keys))
    broken = [row["id"] for row in still()]
    ticket_changes.look_at_clocks(tx, broken, now)
    return dict.fromkeys(broken, "has its clocks looked at now")


def _untold(
    tx: Transaction, keys: Sequence[str], still: Callable[[], list[Row]], now: datetime
) -> dict[str, str]:
    """Tell events of which a subscription knows nothing.

    One that nobody was told of goes on the outbox again: mails are made there, too. Of one that
    others know of, only the missing delivery is made: fan-out makes all or none.
    """
    known = select(_DELIVERIES.c.event_id).where(_DELIVERIES.c.event_id.in_(keys))
    ours = select(_SUBSCRIPTIONS.c.id).order_by(_SUBSCRIPTIONS.c.id).with_for_update()
    broken = still()
    receivers = sorted({row["receiver"] for row in broken})
    # What was missed can be asked for by the API meanwhile; that takes this lock as well.
    tx.rows(ours.where(_SUBSCRIPTIONS.c.id.in_(receivers)))
    broken = still()
    told = set(tx.execute(known).scalars())
    ranks = select(_EVENTS.c.id, _TICKETS.c.rank).join(
        _TICKETS, _TICKETS.c.id == _EVENTS.c.ticket_id
    )
    rank_of = {row["id"]: row["rank"] for row in tx.rows(ranks.where(_EVENTS.c.id.in_(keys)))}
    outbox = {
        row["id"]: {
            "id": row["id"],
            "ticket_id": row["ticket_id"],
            "sequence": row["sequence"],
            "rank": rank_of[row["id"]],
            "work_state": WorkState.READY.value,
            "available_at": now,
            "attempts": 0,
            "last_error": None,
        }
        for row in broken
        if row["id"] not in told
    }
    tx.insert_new(_OUTBOX, list(outbox.values()))
    missing = [row for row in broken if row["id"] in told]
    tx.insert_new(
        _DELIVERIES,
        [
            new_delivery(row, DeliveryChannel.WEBHOOK, row["receiver"], "event", REPLAY_RANK, now)
            for row in missing
        ],
    )
    return {
        **dict.fromkeys(outbox, "put the event on the outbox again"),
        **{row["id"]: f"made a delivery to {row['receiver']}" for row in missing},
    }


def _cancel(
    tx: Transaction, _: Sequence[str], still: Callable[[], list[Row]], now: datetime
) -> dict[str, str]:
    broken = [row["id"] for row in still()]
    statement = (
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id.in_(broken), _DELIVERIES.c.work_state == READY)
        # Without its token, one in flight cannot come back by its result.
        .values(
            work_state=WorkState.CANCELLED,
            finished_at=now,
            lease_token=None,
            last_error="cancelled by verify: there is nothing to send, or nobody to send it to",
        )
        .returning(_DELIVERIES.c.id)
    )
    return dict.fromkeys(tx.execute(statement).scalars(), "cancelled it")


def _deleting(reference: Reference) -> _Handler:
    key = reference.source.c[reference.key]

    def handle(
        tx: Transaction, keys: Sequence[str], _: Callable[[], list[Row]], __: datetime
    ) -> dict[str, str]:
        orphans = reference.question().query.with_only_columns(key)
        statement = delete(reference.source).where(key.in_(keys), key.in_(orphans)).returning(key)
        return dict.fromkeys(tx.execute(statement).scalars(), "deleted the row")

    return handle


_HANDLERS: dict[str, _Handler] = {
    "loads": _loads,
    "capacity": _loads,
    "tickets-placed": _tickets,
    "tickets-held": _tickets,
    "needs-known": _needs,
    "holds-end": _holds,
    "clocks-watched": _clocks,
    "events-told": _untold,
    "deliveries-of-events": _cancel,
    "deliveries-to-somebody": _cancel,
    **{each.name: _deleting(each) for each in REFERENCES if each.mends},
}

#: Loads first: an assignment is ended by lowering one, which must hold it.
ORDER = tuple(_HANDLERS)
