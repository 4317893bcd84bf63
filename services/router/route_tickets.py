"""New tickets look for an agent: one batch, one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from time import time_ns
from typing import Any

from services.router import decision_spans
from services.router.configuration import Configuration
from services.router.decide import ACTOR, Decide, Outcome, decision_row
from services.router.model import Choice, Context
from services.router.planning import Made, Planned, plan
from services.router.repository import RouterRepository
from services.router.settle import settle
from services.router.shadow import Seen, Shadow
from shared.db import ticket_changes
from shared.db.batch import run_batch
from shared.db.engine import Database, Row, Transaction
from shared.db.ticket_changes import Parking
from shared.db.work_lists import TICKETS_TO_ROUTE
from shared.domain.clock import Clock
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.observability import metrics

#: When everybody who could take a ticket has declined it, they are asked again after this time.
ASK_AGAIN_AFTER = timedelta(minutes=1)
#: Filters that may let somebody pass at another moment.
_PASSING = frozenset({"presence", "shift", "capacity"})


class RouteTickets:
    """Routes up to `batch_size` ready tickets: each is bound, offered, parked or delayed."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ring: Callable[[ListName], None],
        repository: RouterRepository,
        batch_size: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._repository = repository
        self._decide = Decide(repository)
        self._shadow = Shadow(database, repository, self._decide)
        self._batch_size = batch_size

    def __call__(self) -> int:
        """Route one batch; return how many tickets it had."""
        rings = {ListName.EVENTS}
        seen: list[Seen] = []

        def route(tx: Transaction, tickets: Sequence[Row]) -> None:
            self._route(tx, tickets, rings, seen)

        count = run_batch(self._database, self._clock, TICKETS_TO_ROUTE, route, self._batch_size)
        if count:
            failpoint("router.committed")
            for name in rings:
                self._ring(name)
        self._shadow(seen)
        return count

    def _route(
        self, tx: Transaction, tickets: Sequence[Row], rings: set[ListName], seen: list[Seen]
    ) -> None:
        """Route claimed tickets; add to `rings` the lists that got work by it.

        What shadow profiles are to decide on after the commit is added to `seen`.
        """
        failpoint("router.claimed")
        began = time_ns()
        now = self._clock.now()
        self._repository.watchdog.begin()
        configuration = self._repository.configuration(tx)
        pool = self._repository.pool(tx, configuration, now)
        tickets, again = settle(tx, configuration, pool, tickets, now, ACTOR)
        if again:
            rings |= {ListName.ROUTING, ListName.MATCHING}
        planned = [plan(configuration, ticket, pool, now) for ticket in tickets]
        metrics.rule_errors.inc(sum(len(each.routed.errors) for each in planned))
        planned = self._delay(tx, planned)
        # Claimed by what the tickets said themselves; served by what the rules made of it.
        planned.sort(key=lambda each: each.columns["rank"])
        context = self._repository.context(pool, now)
        outcome = self._decide(tx, configuration, planned, pool, context, wait=not again)
        if outcome.contested:
            rings.add(ListName.ROUTING)
        if outcome.unplaced:
            self._park(tx, configuration, outcome, context, rings)
        decision_spans.tell(tx, outcome.made, began)
        failpoint("router.bound")
        seen += self._shadow.seen(configuration, planned, pool, context, outcome)

    def _delay(self, tx: Transaction, planned: Sequence[Planned]) -> list[Planned]:
        """Put off what a rule wants later; return the rest."""
        kept, delays = [], []
        now = self._clock.now()
        for each in planned:
            until = each.ticket["created_at"] + timedelta(seconds=each.routed.delay)
            if until > now:
                delays.append((each.ticket["id"], until))
            else:
                kept.append(each)
        TICKETS_TO_ROUTE.put_off(tx, delays)
        return kept

    def _park(
        self,
        tx: Transaction,
        configuration: Configuration,
        outcome: Outcome,
        context: Context,
        rings: set[ListName],
    ) -> None:
        now, unplaced = context.now, outcome.unplaced
        parkings, decisions, as_before = [], [], []
        for each, choice in unplaced:
            signature = each.subject.need.signature
            columns, changes_at = dict(each.columns), each.changes_at
            if each.subject.need.excluded and _nobody_else(choice):
                columns, changes_at = {**columns, "declined_by": []}, now + ASK_AGAIN_AFTER
            if _as_before(each.ticket, signature, columns):
                as_before.append((each.ticket["id"], changes_at or ticket_changes.NEVER))
                continue
            parkings.append(Parking(each.ticket, signature, choice.reason, columns, changes_at))
            decision = decision_row(configuration, each, choice, context)
            decisions.append(decision)
            outcome.made.append(Made(decision["id"], each, choice))
        TICKETS_TO_ROUTE.wait(tx, as_before)
        ticket_changes.park(tx, parkings, now, ACTOR)
        self._repository.record(tx, decisions)
        self._repository.expect(tx, [each.subject.need for each, _ in unplaced], now)
        metrics.decisions.labels("waiting").inc(len(unplaced))
        rings.add(ListName.MATCHING)


def _as_before(ticket: Mapping[str, Any], signature: str, columns: Mapping[str, Any]) -> bool:
    """Tell whether a ticket waits on with the need and the columns that it had."""
    return ticket["signature"] == signature and all(
        ticket[name] == value for name, value in columns.items()
    )


def _nobody_else(choice: Choice) -> bool:
    """Tell whether all who could ever take the ticket have declined it."""
    return not any(rejection.filter in _PASSING for rejection in choice.rejections)
