"""Shadow profiles: decide beside the live ones, on the same inputs and without effect.

All of it comes after the live decisions are committed and their doorbells rung. Whatever goes wrong
here is logged, counted and forgotten; nothing live depends on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from services.router.configuration import Configuration
from services.router.decide import Decide, Outcome
from services.router.model import Choice, Context
from services.router.planning import Made, Planned, under
from services.router.pool import Pool
from services.router.repository import RouterRepository
from services.router.shadow_row import balance_after, shadow_row
from shared.db.engine import Database
from shared.observability import metrics
from shared.observability.logging import get_logger

#: Larger batches are not compared: a part of one would be decided otherwise than the whole.
MAX_TICKETS = 200
#: After a comparison that took longer than so many seconds there is none for `REST` times as long:
#: a shadow that is slow takes a twentieth of its worker's time and no more.
SLOW_S, REST = 1.0, 20.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a batch was decided on, and what was decided.

    The pool is not copied: deciding leaves it as it is unless a race is lost, and then nothing is
    compared.
    """

    configuration: Configuration
    planned: tuple[Planned, ...]
    pool: Pool
    context: Context
    outcome: Outcome
    only: int | None


class Shadow:
    """Decides again for tickets of teams that have a shadow profile, and keeps the difference."""

    def __init__(self, database: Database, repository: RouterRepository, decide: Decide) -> None:
        self._database = database
        self._repository = repository
        self._decide = decide
        self._rests_until = 0.0

    def seen(
        self,
        configuration: Configuration,
        planned: Sequence[Planned],
        pool: Pool,
        context: Context,
        outcome: Outcome,
        only: int | None = None,
    ) -> list[Seen]:
        """Return what to compare once the batch is committed; nothing if no team has a shadow."""
        if not any(_shadow_of(configuration, plan) for plan in planned):
            return []
        return [Seen(configuration, tuple(planned), pool, context, outcome, only)]

    def __call__(self, batches: Sequence[Seen]) -> None:
        """Decide these batches in the shadow and keep the differences; never raises."""
        for seen in batches:
            started = monotonic()
            try:
                outcome = self._try(seen, started)
            except Exception:
                log.exception("shadow.failed", tickets=len(seen.planned))
                outcome = "failed"
            took = monotonic() - started
            if took > SLOW_S:
                self._rests_until = started + REST * took
            metrics.shadow_batches.labels(outcome).inc()

    def _try(self, seen: Seen, now: float) -> str:
        if seen.outcome.raced:
            return "raced"
        if len(seen.planned) > MAX_TICKETS:
            return "too_large"
        if now < self._rests_until:
            return "resting"
        return "compared" if self._compare(seen) else "nothing"

    def _compare(self, seen: Seen) -> int:
        """Keep one row for each decision of a team with a shadow; return how many.

        The matching runs between two short transactions, so that it holds no lock.
        """
        configuration = seen.configuration
        made = [each for each in seen.outcome.made if _shadow_of(configuration, each.plan)]
        plans = [_in_shadow(configuration, plan) for plan in seen.planned]
        with self._database.transaction() as tx:
            # Of a batch that was rolled back nothing is there.
            recorded = self._repository.recorded(tx, [each.decision_id for each in made])
            # This batch's own assignments are there by now, which the live profiles could not know.
            own = [plan.subject.id for plan in plans]
            plans = self._decide.with_familiar_agents(tx, plans, besides=own)
        made = [each for each in made if each.decision_id in recorded]
        if not made:
            return 0
        decided, choices = self._decide.match(plans, seen.pool, seen.context, seen.only)
        rows = _rows(seen, made, list(zip(decided, choices, strict=True)))
        with self._database.transaction() as tx:
            self._repository.record_shadows(tx, rows)
        return len(rows)


def _shadow_of(configuration: Configuration, plan: Planned) -> str | None:
    return configuration.policy(plan.subject.need.team).shadow_profile


def _in_shadow(configuration: Configuration, plan: Planned) -> Planned:
    """Return the plan under the shadow profile of its team; as it is if the team has none."""
    profile = _shadow_of(configuration, plan)
    return plan if profile is None else under(plan, configuration.strategy(profile))


def _rows(
    seen: Seen, made: Sequence[Made], shadow: Sequence[tuple[Planned, Choice]]
) -> list[Mapping[str, Any]]:
    live = [(each.plan, each.choice) for each in seen.outcome.made]
    by_ticket = {plan.subject.id: (plan, choice) for plan, choice in shadow}
    balances = {
        team: (balance_after(seen.pool, team, live), balance_after(seen.pool, team, shadow))
        for team in {each.plan.subject.need.team for each in made}
    }
    return [
        shadow_row(
            each,
            *by_ticket[each.plan.subject.id],
            seen.context,
            balances[each.plan.subject.need.team],
        )
        for each in made
    ]
