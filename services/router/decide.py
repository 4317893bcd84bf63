"""Deciding a batch: match, reserve under guard, bind; a lost race takes the next best.

Shared by both directions: new tickets that look for an agent, and free agents who look for waiting
tickets.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.router.explanation import explain
from services.router.filters import FILTERS
from services.router.matching import GreedyMatcher, MatchingTable
from services.router.matching.greedy import TICKET_WEIGHT
from services.router.model import Candidate, Choice, Routed
from services.router.repository import Configuration, RouterRepository
from services.router.scorers import SCORERS
from shared.db import ticket_changes
from shared.db.engine import Transaction
from shared.db.ticket_changes import Binding
from shared.db.types import dump_json
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import expected_resolution
from shared.observability import metrics

#: After so many lost races a ticket goes back on its list and meets fresh facts there.
MAX_ROUNDS = 5

ACTOR = "router"


@dataclass(frozen=True, slots=True)
class Planned:
    """A claimed ticket and what the rules made of it."""

    ticket: Mapping[str, Any]
    routed: Routed


@dataclass(slots=True)
class Outcome:
    """What became of a batch: how many were bound, who found nobody, who lost every race."""

    bound: int = 0
    unplaced: list[tuple[Planned, Choice]] = field(default_factory=list)
    contested: list[Planned] = field(default_factory=list)


class Decide:
    """Binds planned tickets to candidates inside the caller's transaction."""

    def __init__(self, repository: RouterRepository) -> None:
        self._repository = repository
        self._matcher = GreedyMatcher()

    def __call__(
        self,
        tx: Transaction,
        configuration: Configuration,
        planned: Sequence[Planned],
        candidates: Sequence[Candidate],
        now: datetime,
        *,
        wait: bool = True,
    ) -> Outcome:
        """Bind what can be bound, in the order given, and record each binding's decision.

        `wait=False` is for a caller who holds agents already; from the second round on nobody waits
        for agents that others hold, because that could be a circle.
        """
        outcome = Outcome()
        remaining = list(planned)
        for round_ in range(MAX_ROUNDS if planned else 0):
            table = MatchingTable(FILTERS, SCORERS, candidates, now)
            choices = self._matcher.match(
                table,
                [(p.routed.need, configuration.weights_of(p.routed.need.team)) for p in remaining],
            )
            weights: Counter[str] = Counter()
            for choice in choices:
                if choice.winner is not None:
                    weights[choice.winner.id] += TICKET_WEIGHT
            taken = self._reserve(tx, weights, now, wait=wait and round_ == 0)
            won, lost = [], []
            for plan, choice in zip(remaining, choices, strict=True):
                if choice.winner is None:
                    outcome.unplaced.append((plan, choice))
                elif choice.winner.id in taken:
                    won.append((plan, choice, choice.winner))
                else:
                    lost.append(plan)
            self._bind(tx, configuration, won, now)
            outcome.bound += len(won)
            remaining = lost
            if not remaining:
                return outcome
            metrics.lost_races.inc(len(lost))
            names = {candidate.id for candidate in candidates}
            candidates = [
                fresh
                for fresh in self._repository.candidates(tx, configuration)
                if fresh.id in names
            ]
        outcome.contested = remaining
        return outcome

    def _reserve(
        self, tx: Transaction, weights: Mapping[str, int], now: datetime, *, wait: bool
    ) -> set[str]:
        return ticket_changes.reserve(tx, weights, now, wait=wait) if weights else set()

    def _bind(
        self,
        tx: Transaction,
        configuration: Configuration,
        won: Sequence[tuple[Planned, Choice, Candidate]],
        now: datetime,
    ) -> None:
        if not won:
            return
        bindings, decisions = [], []
        for plan, choice, winner in won:
            decision = decision_row(configuration, plan, choice, now)
            decisions.append(decision)
            agent = {"id": winner.id, "name": winner.name, "email": winner.email}
            bindings.append(
                Binding(plan.ticket, agent, TICKET_WEIGHT, decision["id"], routed_columns(plan))
            )
        ticket_changes.assign(tx, bindings, now, ACTOR)
        self._repository.record(tx, decisions)
        metrics.decisions.labels("assigned").inc(len(won))


def decision_row(
    configuration: Configuration, plan: Planned, choice: Choice, now: datetime
) -> dict[str, Any]:
    """Return the row of a decision."""
    weights = configuration.weights_of(plan.routed.need.team)
    explanation = explain(choice, plan.routed, weights, configuration.rules.version)
    winner = choice.winner
    return {
        "id": new_id(Prefix.DECISION),
        "ticket_id": plan.ticket["id"],
        "decided_at": now,
        "outcome": "waiting" if winner is None else "assigned",
        "agent_id": None if winner is None else winner.id,
        "explanation": dump_json(explanation),
    }


def routed_columns(plan: Planned) -> dict[str, Any]:
    """Return the columns of a ticket as the rules left them.

    Always the same ones, so that a batch is one statement.
    """
    need = plan.routed.need
    return {
        "team": need.team,
        "priority": plan.routed.priority,
        "required_skills": [{"skill": skill, "level": level} for skill, level in need.skills],
        "expected_resolution_at": expected_resolution(
            plan.ticket["created_at"], plan.routed.priority
        ),
        "rank": plan.ticket["rank"] - plan.ticket["priority"].rank + plan.routed.priority.rank,
    }
