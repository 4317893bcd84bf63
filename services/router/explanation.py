"""The record of a decision: bounded in size, complete in its counts, and enough to decide again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.router.matching import Pipeline
from services.router.model import (
    Candidate,
    Choice,
    Rejection,
    Routed,
    Scored,
    Subject,
    document_of,
)

#: Candidates kept with all their scores; of the rest the number is kept.
MAX_CANDIDATES = 10
#: Scores are kept to this many digits, far beyond what decides between two people.
DIGITS = 9


def explain(
    choice: Choice,
    routed: Routed,
    subject: Subject,
    pipeline: Pipeline,
    rules_version: int,
    now: datetime,
) -> dict[str, Any]:
    """Return a document of `shared.schemas.decisions.ExplanationSchema`."""
    need, profile = subject.need, pipeline.profile
    return {
        "rules_version": rules_version,
        "rules_fired": routed.fired,
        "team": need.team,
        "required_skills": [{"skill": skill, "level": level} for skill, level in need.skills],
        "priority": routed.priority.value,
        "profile": {
            "name": profile.name,
            "version": profile.version,
            "filters": [filter_.name for filter_ in pipeline.filters],
            "matcher": profile.matcher,
        },
        "weights": {scorer.name: weight for scorer, weight in pipeline.scorers},
        "subject": _subject(subject, now),
        "candidates": [_candidate(scored) for scored in choice.ranking[:MAX_CANDIDATES]],
        "candidates_total": choice.passed,
        "rejected": [_rejection(rejection) for rejection in choice.rejections],
        "faults": [
            {"kind": fault.kind, "plugin": fault.plugin, "error": fault.error}
            for fault in pipeline.faults
        ],
    }


def _subject(subject: Subject, now: datetime) -> dict[str, Any]:
    """Return what the scorers knew of the ticket; times are seconds before now."""
    return {
        "need": document_of(subject.need),
        "preferred": [list(pair) for pair in subject.preferred],
        "category": subject.category,
        "channel": subject.channel.value,
        "age_s": round((now - subject.created_at).total_seconds(), 3),
        "due_s": round((subject.due_at - now).total_seconds(), 3),
        "former_agent": subject.former_agent,
        "familiar_agent": subject.familiar_agent,
    }


def _candidate(scored: Scored) -> dict[str, Any]:
    return {
        "agent_id": scored.candidate.id,
        "scores": {name: round(value, DIGITS) for name, value in scored.scores.items()},
        "total": round(scored.total, DIGITS),
        "state": _state(scored.candidate),
    }


def _state(candidate: Candidate) -> dict[str, Any]:
    """Return what the decision saw of an agent that changes from one decision to the next."""
    return {
        "load": candidate.load,
        "capacity": candidate.capacity,
        "idle_since": candidate.idle_since,
        "assigned_at": candidate.assigned_at,
    }


def _rejection(rejection: Rejection) -> Mapping[str, Any]:
    return {
        "filter": rejection.filter,
        "reason": rejection.reason,
        "count": rejection.count,
        "agent_ids": rejection.agent_ids,
    }
