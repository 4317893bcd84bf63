"""New tickets look for an agent: one batch, one transaction."""

from collections.abc import Callable, Sequence

from services.router.decide import ACTOR, Decide, Planned, decision_row, routed_columns
from services.router.repository import RouterRepository
from services.router.rules import apply_rules
from shared.db import ticket_changes
from shared.db.batch import run_batch
from shared.db.engine import Database, Row, Transaction
from shared.db.ticket_changes import Parking
from shared.db.work_lists import TICKETS_TO_ROUTE
from shared.domain.clock import Clock
from shared.domain.work import ListName
from shared.observability import metrics


class RouteTickets:
    """Routes up to `batch_size` ready tickets: each is bound to an agent or parked."""

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
        self._batch_size = batch_size

    def __call__(self) -> int:
        """Route one batch; return how many tickets it had."""
        rings = {ListName.EVENTS}

        def route(tx: Transaction, tickets: Sequence[Row]) -> None:
            self._route(tx, tickets, rings)

        count = run_batch(self._database, self._clock, TICKETS_TO_ROUTE, route, self._batch_size)
        if count:
            for name in rings:
                self._ring(name)
        return count

    def _route(self, tx: Transaction, tickets: Sequence[Row], rings: set[ListName]) -> None:
        """Route claimed tickets; add to `rings` the lists that got work by it."""
        now = self._clock.now()
        configuration = self._repository.configuration(tx)
        candidates = self._repository.candidates(tx, configuration)
        planned = [
            Planned(ticket, apply_rules(configuration.rules, ticket, now)) for ticket in tickets
        ]
        metrics.rule_errors.inc(sum(len(plan.routed.errors) for plan in planned))
        # Claimed by what the tickets said themselves; served by what the rules made of it.
        planned.sort(key=lambda plan: routed_columns(plan)["rank"])
        outcome = self._decide(tx, configuration, planned, candidates, now)
        if outcome.contested:
            rings.add(ListName.ROUTING)
        if not outcome.unplaced:
            return
        parkings, decisions = [], []
        for plan, choice in outcome.unplaced:
            signature = plan.routed.need.signature
            parkings.append(Parking(plan.ticket, signature, choice.reason, routed_columns(plan)))
            decisions.append(decision_row(configuration, plan, choice, now))
        ticket_changes.park(tx, parkings, now, ACTOR)
        self._repository.record(tx, decisions)
        self._repository.expect(tx, [plan.routed.need for plan, _ in outcome.unplaced], now)
        metrics.decisions.labels("waiting").inc(len(outcome.unplaced))
        rings.add(ListName.MATCHING)
