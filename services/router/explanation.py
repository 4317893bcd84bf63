"""The record of a decision: bounded in size, complete in its counts."""

from collections.abc import Mapping
from typing import Any

from services.router.model import Choice, Rejection, Routed

#: Candidates kept with all their scores; of the rest the number is kept.
MAX_CANDIDATES = 20
#: Agents named for each reason; of the rest the number is kept.
MAX_NAMED = 100
#: Rules without an answer that are kept with the reason.
MAX_RULE_ERRORS = 20


def explain(
    choice: Choice, routed: Routed, weights: Mapping[str, float], rules_version: int
) -> dict[str, Any]:
    """Return a document of `shared.schemas.decisions.ExplanationSchema`."""
    return {
        "rules_version": rules_version,
        "rules_fired": routed.fired,
        "rule_errors": routed.errors[:MAX_RULE_ERRORS],
        "team": routed.need.team,
        "required_skills": [
            {"skill": skill, "level": level} for skill, level in routed.need.skills
        ],
        "priority": routed.priority.value,
        "sla_policy": routed.sla_policy,
        "profile": routed.profile,
        "weights": weights,
        "candidates": [
            {
                "agent_id": scored.candidate.id,
                "scores": {name: round(value, 4) for name, value in scored.scores.items()},
                "total": round(scored.total, 4),
            }
            for scored in choice.ranking[:MAX_CANDIDATES]
        ],
        "candidates_total": len(choice.ranking),
        "rejected": [_rejection(rejection) for rejection in choice.rejections],
    }


def _rejection(rejection: Rejection) -> dict[str, Any]:
    return {
        "filter": rejection.filter,
        "reason": rejection.reason,
        "count": len(rejection.agent_ids),
        "agent_ids": rejection.agent_ids[:MAX_NAMED],
    }
