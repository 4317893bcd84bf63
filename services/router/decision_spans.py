"""Decisions as spans, each in the trace of the request that its ticket came by.

A batch decides about many tickets at once and belongs to none of their traces. So each decision
gets a span in the trace of its own ticket, for as long as the batch took, with a link to it. They
are left after the commit: what was rolled back did not happen.
"""

from collections.abc import Sequence
from functools import partial

from services.router.planning import Made
from shared.db.engine import Transaction
from shared.observability import tracing


def tell(tx: Transaction, made: Sequence[Made], started_ns: int) -> None:
    """Leave a span for each decision that a transaction made since `started_ns` (Unix time)."""
    if tracing.on():
        tx.once_committed(partial(_leave, tuple(made), started_ns))


def _leave(made: Sequence[Made], started_ns: int) -> None:
    for each in made:
        ticket, winner = each.plan.ticket, each.choice.winner
        attributes: dict[str, str | float] = {
            "patchbay.ticket.id": ticket["id"],
            "patchbay.decision.id": each.decision_id,
            "patchbay.decision.outcome": "waiting" if winner is None else "assigned",
            "patchbay.decision.passed": each.choice.passed,
            "patchbay.routing.profile": each.plan.strategy.profile.name,
        }
        if winner is not None:
            attributes["patchbay.agent.id"] = winner.id
        tracing.past("router.decide", ticket.get("traceparent"), started_ns, attributes)
