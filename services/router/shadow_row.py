"""The numbers of a shadow decision: what it is compared by, worked out and ready to be kept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.router.model import Candidate, Choice, Context, Subject
from services.router.planning import Made, Planned
from services.router.pool import Pool
from services.router.scorers.shrinkage import HANDLING_S, Shrinkage
from shared.domain.agent import Presence

#: The default of the scorers `fastest` and `performance`.
PRIOR_TICKETS = 20.0

_SHRINKAGE = Shrinkage(PRIOR_TICKETS)


def shadow_row(
    live: Made,
    shadow: Planned,
    choice: Choice,
    context: Context,
    balance: tuple[float | None, float | None],
) -> dict[str, Any]:
    """Return a row of `shadow_decisions`: a live decision, and the shadow's choice beside it.

    `balance` is that of the team after the batch, live and in the shadow.
    """
    ours, theirs = live.choice.winner, choice.winner
    totals = {scored.candidate.id: scored.total for scored in live.choice.ranking}
    return {
        "decision_id": live.decision_id,
        "ticket_id": live.plan.subject.id,
        "team": live.plan.subject.need.team,
        "live_profile": live.plan.strategy.profile.name,
        "shadow_profile": shadow.strategy.profile.name,
        "live_agent_id": ours and ours.id,
        "shadow_agent_id": theirs and theirs.id,
        "agrees": (ours and ours.id) == (theirs and theirs.id),
        "live_load_share": ours and ours.load_share,
        "shadow_load_share": theirs and theirs.load_share,
        "live_score": ours and totals.get(ours.id),
        "shadow_score": theirs and totals.get(theirs.id),
        "live_urgency": ours and predicted_urgency(live.plan.subject, ours, context),
        "shadow_urgency": theirs and predicted_urgency(shadow.subject, theirs, context),
        "live_balance": balance[0],
        "shadow_balance": balance[1],
        "faults": len(shadow.strategy.pipeline.faults),
        "decided_at": context.now,
    }


def predicted_urgency(subject: Subject, candidate: Candidate, context: Context) -> float:
    """Return the share of a ticket's target time that is used up when the candidate is done.

    0 is at once, 1 just in time, above 1 late. The handling time is the candidate's in the
    category, shrunk (`services.router.scorers.shrinkage`); 0 while nothing is known of anybody.
    """
    handling = _SHRINKAGE.estimate(HANDLING_S, subject.category, candidate, context).agent
    used = (context.now - subject.created_at).total_seconds()
    target = (subject.due_at - subject.created_at).total_seconds()
    return (used + handling) / target if target > 0 else 1.0


def balance_after(
    pool: Pool, team: str | None, given: Iterable[tuple[Planned, Choice]]
) -> float | None:
    """Return how evenly the online agents of a team are loaded after a batch; None: there is none.

    `given` is the whole batch, for an agent may have got tickets of another team too.
    """
    weights: Counter[str] = Counter()
    for plan, choice in given:
        if choice.winner is not None:
            weights[choice.winner.id] += plan.subject.need.weight
    members = pool.facts.teams.get(team or "", 0) & pool.facts.presences.get(Presence.ONLINE, 0)
    return jain(_shares(list(pool.members(members)), weights))


def _shares(agents: Sequence[Candidate], weights: Mapping[str, int]) -> list[float]:
    return [(a.load + weights.get(a.id, 0)) / a.capacity for a in agents if a.capacity > 0]


def jain(shares: Sequence[float]) -> float | None:
    """Return `(sum x)^2 / (n * sum x^2)`, from 1/n to 1; 1 if all are 0, None if there are none.

    Jain, Chiu & Hawe, A Quantitative Measure of Fairness, DEC TR-301, 1984.
    """
    if not shares:
        return None
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
