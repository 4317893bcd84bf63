"""Bugs that are put into a running desk on purpose: the suite must catch each of them.

Each is a mistake that somebody could make in this code, and that every other test of a lucky run
would pass. `plant` puts it into the present process, before anything is started.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from itertools import count
from typing import Any

from sqlalchemy import Engine, event, false, make_url, update

from services.chaos.checker import Rule
from services.notifier import ordering, outbox
from services.notifier.channels.base import Delivered, TemporaryFailure
from services.notifier.senders import WebhookSender
from services.router import route_tickets
from services.router.filters.capacity import CapacityFilter
from services.router.match_agents import MatchAgents
from services.router.pool import Pool
from shared.db import ticket_changes
from shared.db.engine import Transaction
from shared.db.models import Agent
from shared.db.models.base import table
from shared.domain.work import ListName, WorkState
from shared.messaging.doorbell import DoorbellPublisher
from shared.messaging.watch import Watch

#: Every so many of the calls go wrong.
SOMETIMES = 7


def _sometimes() -> Callable[[], bool]:
    numbers = count(1)
    return lambda: next(numbers) % SOMETIMES == 0


def _replace(owner: Any, **parts: Any) -> None:
    """Put parts of a class or module in the place of its own; a bug that changes none is none."""
    for name, part in parts.items():
        if not hasattr(owner, name):
            raise AttributeError(f"{owner} has no {name} any more")
        setattr(owner, name, part)


def answers_what_it_did_not_store() -> None:
    """A group commit that fails in silence: the 201 is sent all the same."""
    from services.intake.group_commit import GroupCommitter  # noqa: PLC0415 -- of a running desk

    stock, wrong = GroupCommitter._store, _sometimes()

    def store(self: Any, batch: Any) -> Any:
        if not wrong():
            return stock(self, batch)
        commit = Transaction.commit
        _replace(Transaction, commit=lambda tx: tx.connection.rollback())
        try:
            return stock(self, batch)
        finally:
            _replace(Transaction, commit=commit)

    _replace(GroupCommitter, _store=store)


def forgets_deliveries() -> None:
    """A fan-out that takes events off the outbox before it has their deliveries."""
    stock, wrong = outbox.keep_deliveries, _sometimes()

    def keep(tx: Any, fanned_out: Any, deliveries: Any, now: Any) -> None:
        stock(tx, fanned_out, [each for each in deliveries if not wrong()], now)

    _replace(outbox, keep_deliveries=keep)


def believes_that_it_sent() -> None:
    """A sender that takes a connection for an answer."""
    stock, wrong = WebhookSender.send, _sometimes()

    async def send(self: Any, job: Any) -> Any:
        return Delivered(200, "sent") if wrong() else await stock(self, job)

    _replace(WebhookSender, send=send)


def sends_twice_under_another_id() -> None:
    """A retry that makes a new message of the old one."""
    stock, wrong = WebhookSender.send, _sometimes()

    async def send(self: Any, job: Any) -> Any:
        if wrong():
            delivery = {**job.delivery, "event_id": f"{job.delivery['event_id']}-again"}
            await stock(self, type(job)(delivery, job.token, job.body, job.leased_at, job.endpoint))
        return await stock(self, job)

    _replace(WebhookSender, send=send)


def keeps_the_load_of_what_is_done() -> None:
    """A resolution that leaves the agent as busy as before."""
    assign: Any = import_module("shared.db.ticket_changes.assign")
    stock, wrong = assign.release, _sometimes()

    def release(tx: Any, weights: Any, now: Any) -> None:
        if not wrong():
            stock(tx, weights, now)

    _replace(assign, release=release)


def takes_a_look_for_done() -> None:
    """Matching that takes agents off its list without having looked at what waits."""

    def claim(_: Any, *arguments: Any) -> int:
        arguments[-1].clear()
        return 0

    _replace(MatchAgents, _claim=claim)


def relies_on_doorbells() -> None:
    """A worker without a second pair of eyes, on a broker that loses rings after a while."""
    stock, rung = DoorbellPublisher.ring, count(1)
    _replace(Watch, start=lambda _: None)

    def ring(self: Any, name: ListName) -> None:
        if name is not ListName.ROUTING or next(rung) <= SOMETIMES:
            stock(self, name)

    _replace(DoorbellPublisher, ring=ring)


def assigns_what_is_assigned() -> None:
    """Routing that leaves tickets on its list and takes all there for new; no index says no."""
    path = make_url(os.environ["PATCHBAY_DATABASE_URL"]).database
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute("DROP INDEX uq_assignments_one_open_per_ticket")
    assign: Any = import_module("shared.db.ticket_changes.assign")
    stock, wrong = assign.assigned, _sometimes()

    def assigned(*arguments: Any) -> Any:
        change = stock(*arguments)
        if not wrong():
            return change
        return replace(change, values={**change.values, "work_state": WorkState.READY})

    _replace(assign, assigned=assigned)
    _replace(
        route_tickets,
        settle=lambda tx, configuration, pool, tickets, *_: (list(tickets), False),
    )


def has_room_for_one_too_many() -> None:
    """A comparison that is off by one, in the filter, in the guard, and in the database."""
    full, reject, agents = Pool.full, CapacityFilter.reject, table(Agent)

    def reserve(tx: Any, weights: Any, now: Any, *, wait: bool = True) -> set[str]:
        for agent_id, weight in weights.items():
            mine = update(agents).where(agents.c.id == agent_id)
            tx.execute(mine.values(load=agents.c.load + weight))
        return set(weights)

    def unchecked(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA ignore_check_constraints = ON")

    _replace(Pool, full=lambda pool, weight: full(pool, weight - 1))
    _replace(
        CapacityFilter,
        reject=lambda self, need, candidate, context: reject(
            self, need, replace(candidate, load=candidate.load - 1), context
        ),
    )
    _replace(ticket_changes, reserve=reserve)
    event.listen(Engine, "connect", unchecked)


def lets_later_events_overtake() -> None:
    """Webhooks that do not wait for an earlier one of their ticket, which is tried again."""
    _replace(ordering, something_ahead=false, move_followers=lambda *_: None)
    _replace(outbox, rest_with_predecessors=lambda *_: None)
    has_receivers_that_fail()


def has_receivers_that_fail() -> None:
    """No bug: the first attempt of some webhooks fails, and they are tried again.

    Never two in a row of one receiver: several would open its breaker, whose rests are long.
    """
    stock, wrong, took = WebhookSender.send, _sometimes(), set[str]()

    async def send(self: Any, job: Any) -> Any:
        if job.attempt == 1 and job.receiver in took and wrong():
            took.remove(job.receiver)
            return TemporaryFailure("planted")
        outcome = await stock(self, job)
        took.add(job.receiver)
        return outcome

    _replace(WebhookSender, send=send)


#: Each bug, and by which of these rules it is caught.
BUGS: Mapping[str, tuple[Callable[[], None], frozenset[Rule]]] = {
    plant.__name__: (plant, frozenset(rules))
    for plant, rules in (
        (answers_what_it_did_not_store, {Rule.LOST_TICKET}),
        (forgets_deliveries, {Rule.UNDELIVERED}),
        (believes_that_it_sent, {Rule.UNDELIVERED}),
        (sends_twice_under_another_id, {Rule.UNKNOWN_EVENT}),
        (keeps_the_load_of_what_is_done, {Rule.WRONG_LOAD}),
        (takes_a_look_for_done, {Rule.STUCK}),
        (relies_on_doorbells, {Rule.UNFINISHED, Rule.UNACCOUNTED}),
        (assigns_what_is_assigned, {Rule.DOUBLE_ASSIGNMENT}),
        (has_room_for_one_too_many, {Rule.OVER_CAPACITY}),
        (lets_later_events_overtake, {Rule.OUT_OF_ORDER}),
    )
}

#: What must do no harm, although it looks like one of the bugs.
HARMLESS: Mapping[str, Callable[[], None]] = {
    has_receivers_that_fail.__name__: has_receivers_that_fail
}


def plant(name: str) -> None:
    """Put a bug, or what is harmless, into this process."""
    (HARMLESS.get(name) or BUGS[name][0])()
