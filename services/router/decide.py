"""Deciding a batch: match, reserve under guard, bind; a lost race takes the next best.

Shared by both directions: new tickets that look for an agent, and free agents who look for waiting
tickets.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.router.configuration import Configuration
from services.router.explanation import explain
from services.router.faults import note
from services.router.guard import PluginFault
from services.router.matching import MatchingTable, Wanted
from services.router.model import Candidate, Choice, Context
from services.router.planning import Made, Planned
from services.router.pool import Pool
from services.router.repository import RouterRepository
from shared.db import ticket_changes
from shared.db.engine import Transaction
from shared.db.ticket_changes import Binding
from shared.db.types import dump_json
from shared.domain.ids import Prefix, new_id
from shared.observability import metrics

#: After so many lost races a ticket goes back on its list and meets fresh facts there.
MAX_ROUNDS = 5

ACTOR = "router"


@dataclass(slots=True)
class Outcome:
    """What became of a batch: how many were bound, who found nobody, who lost every race.

    `made` are the decisions that were recorded; `raced` says that others were faster at least once,
    so that not all was decided on the facts that the batch began with.
    """

    bound: int = 0
    raced: bool = False
    made: list[Made] = field(default_factory=list)
    unplaced: list[tuple[Planned, Choice]] = field(default_factory=list)
    contested: list[Planned] = field(default_factory=list)


class Decide:
    """Binds planned tickets to agents inside the caller's transaction."""

    def __init__(self, repository: RouterRepository) -> None:
        self._repository = repository

    def __call__(
        self,
        tx: Transaction,
        configuration: Configuration,
        planned: Sequence[Planned],
        pool: Pool,
        context: Context,
        *,
        only: int | None = None,
        wait: bool = True,
    ) -> Outcome:
        """Bind what can be bound, in the order given, and record each binding's decision.

        `only` narrows the agents to a set of positions in the pool. `wait=False` is for a caller
        who holds agents already; from the second round on nobody waits for agents that others hold,
        because that could be a circle.
        """
        outcome = Outcome()
        remaining = self.with_familiar_agents(tx, planned)
        for round_ in range(MAX_ROUNDS if planned else 0):
            remaining, choices = self.match(remaining, pool, context, only)
            weights: Counter[str] = Counter()
            for plan, choice in zip(remaining, choices, strict=True):
                if choice.winner is not None:
                    weights[choice.winner.id] += plan.subject.need.weight
            taken = self._reserve(tx, weights, context.now, wait=wait and round_ == 0)
            won, lost = [], []
            for plan, choice in zip(remaining, choices, strict=True):
                if choice.winner is None:
                    outcome.unplaced.append((plan, choice))
                elif choice.winner.id in taken:
                    won.append((plan, choice, choice.winner))
                else:
                    lost.append(plan)
            outcome.made += self._bind(tx, configuration, won, context)
            outcome.bound += len(won)
            remaining = lost
            if not remaining:
                return outcome
            outcome.raced = True
            metrics.lost_races.inc(len(lost))
            self._repository.refresh(tx, pool, sorted(weights))
        outcome.contested = remaining
        return outcome

    def preview(
        self, tx: Transaction, planned: Sequence[Planned], pool: Pool, context: Context
    ) -> tuple[list[Planned], list[Choice]]:
        """Return what would be chosen; nothing is reserved or written."""
        return self.match(self.with_familiar_agents(tx, planned), pool, context)

    def match(
        self, planned: Sequence[Planned], pool: Pool, context: Context, only: int | None = None
    ) -> tuple[list[Planned], list[Choice]]:
        """Match tickets with the agents of a pool, which stays as it is.

        A plugin that fails is left out and all is matched anew; returns the plans as they were
        decided then, with the choices in the same order.
        """
        plans = list(planned)
        self._repository.watchdog.begin()
        while True:
            try:
                return plans, _match(plans, MatchingTable(pool.copy(), context, only))
            except PluginFault as broken:
                fault = note(broken)
                plans = [replace(plan, strategy=plan.strategy.without(fault)) for plan in plans]

    def with_familiar_agents(
        self, tx: Transaction, planned: Sequence[Planned], besides: Collection[str] = ()
    ) -> list[Planned]:
        """Look up who served these requesters last, if any profile asks for it.

        Tickets whose ids are in `besides` do not count.
        """
        asking = [plan for plan in planned if plan.strategy.uses("same_agent")]
        if not asking:
            return list(planned)
        keys = {plan.ticket["requester_id"] for plan in asking} - {None}
        familiar = self._repository.familiar_agents(tx, sorted(keys), besides)
        return [
            replace(
                plan,
                subject=replace(
                    plan.subject, familiar_agent=familiar.get(plan.ticket["requester_id"])
                ),
            )
            for plan in planned
        ]

    def _reserve(
        self, tx: Transaction, weights: Mapping[str, int], now: datetime, *, wait: bool
    ) -> set[str]:
        return ticket_changes.reserve(tx, weights, now, wait=wait) if weights else set()

    def _bind(
        self,
        tx: Transaction,
        configuration: Configuration,
        won: Sequence[tuple[Planned, Choice, Candidate]],
        context: Context,
    ) -> list[Made]:
        if not won:
            return []
        bindings, decisions, made = [], [], []
        for plan, choice, winner in won:
            decision = decision_row(configuration, plan, choice, context)
            decisions.append(decision)
            made.append(Made(decision["id"], plan, choice))
            agent = {"id": winner.id, "name": winner.name, "email": winner.email}
            offer_s = plan.strategy.profile.offer_s
            bindings.append(
                Binding(
                    plan.ticket,
                    agent,
                    plan.subject.need.weight,
                    decision["id"],
                    plan.columns,
                    None if offer_s is None else context.now + timedelta(seconds=offer_s),
                )
            )
        ticket_changes.assign(tx, bindings, context.now, ACTOR)
        self._repository.record(tx, decisions)
        metrics.decisions.labels("assigned").inc(len(won))
        return made


def _match(planned: Sequence[Planned], table: MatchingTable) -> list[Choice]:
    """Give reopened tickets back to who had them; then let each matcher have its tickets.

    Matchers come in the order in which they are named first.
    """
    found: dict[int, Choice] = {}
    groups: dict[int, list[int]] = {}
    for index, plan in enumerate(planned):
        wanted = Wanted(plan.subject, plan.strategy.pipeline, plan.prefer)
        choice = table.choose(wanted) if plan.prefer else None
        if choice and choice.winner and choice.winner.id == plan.prefer:
            table.take(choice.winner, wanted)
            found[index] = choice
        else:
            groups.setdefault(id(plan.strategy.matcher), []).append(index)
    for indexes in groups.values():
        asked = [Wanted(planned[i].subject, planned[i].strategy.pipeline) for i in indexes]
        choices = planned[indexes[0]].strategy.matcher.match(table, asked)
        found.update(zip(indexes, choices, strict=True))
    return [found[index] for index in range(len(planned))]


def decision_row(
    configuration: Configuration, plan: Planned, choice: Choice, context: Context
) -> dict[str, Any]:
    """Return the row of a decision."""
    explanation = explain(
        choice,
        plan.routed,
        plan.subject,
        plan.strategy.pipeline,
        configuration.rules.version,
        context,
    )
    winner = choice.winner
    outcome = "offered" if plan.strategy.profile.offer_s is not None else "assigned"
    return {
        "id": new_id(Prefix.DECISION),
        "ticket_id": plan.ticket["id"],
        "decided_at": context.now,
        "outcome": "waiting" if winner is None else outcome,
        "agent_id": None if winner is None else winner.id,
        "profile": plan.strategy.profile.name,
        "load_share": None if winner is None else winner.load_share,
        "explanation": dump_json(explanation),
    }
