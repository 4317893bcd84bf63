"""The record of a decision: bounded in size, complete in its counts, and enough to decide again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.router.matching import Pipeline
from services.router.model import (
    Candidate,
    Choice,
    Context,
    Performance,
    Rejection,
    Routed,
    Scored,
    Subject,
    document_of,
)
from shared.domain.clock import rfc3339

#: Candidates kept with all their scores; of the rest the number is kept.
MAX_CANDIDATES = 10
#: Scores are kept to this many digits, far beyond what decides between two people.
DIGITS = 9
#: Different reasons that are kept; the agents of all others are summed up.
MAX_REASONS = 50
#: Rules without an answer that are kept with the reason.
MAX_RULE_ERRORS = 20


def explain(
    choice: Choice,
    routed: Routed,
    subject: Subject,
    pipeline: Pipeline,
    rules_version: int,
    context: Context,
) -> dict[str, Any]:
    """Return a document of `shared.schemas.decisions.ExplanationSchema`."""
    need, profile = subject.need, pipeline.profile
    return {
        "rules_version": rules_version,
        "rules_fired": routed.fired,
        "rule_errors": routed.errors[:MAX_RULE_ERRORS],
        "team": need.team,
        "required_skills": [{"skill": skill, "level": level} for skill, level in need.skills],
        "priority": routed.priority.value,
        "sla_policy": routed.sla_policy,
        "profile": {
            "name": profile.name,
            "version": profile.version,
            "filters": [filter_.name for filter_ in pipeline.filters],
            "matcher": profile.matcher,
            "options": profile.options,
        },
        "weights": {scorer.name: weight for scorer, weight in pipeline.scorers},
        "subject": _subject(subject),
        "context": _context(choice, context, subject.category),
        "winner": choice.winner and choice.winner.id,
        "candidates": [
            _candidate(scored, subject.category, context.now)
            for scored in choice.ranking[:MAX_CANDIDATES]
        ],
        "candidates_total": choice.passed,
        "rejected": _rejected(choice.rejections),
        "faults": [
            {"kind": fault.kind, "plugin": fault.plugin, "error": fault.error}
            for fault in pipeline.faults
        ],
    }


def _subject(subject: Subject) -> dict[str, Any]:
    """Return what the scorers knew of the ticket."""
    return {
        "id": subject.id,
        "priority": subject.priority.value,
        "need": document_of(subject.need),
        "preferred": [list(pair) for pair in subject.preferred],
        "category": subject.category,
        "channel": subject.channel.value,
        "created_at": rfc3339(subject.created_at),
        "due_at": rfc3339(subject.due_at),
        "former_agent": subject.former_agent,
        "familiar_agent": subject.familiar_agent,
    }


def _candidate(scored: Scored, category: str | None, now: datetime) -> dict[str, Any]:
    return {
        "agent_id": scored.candidate.id,
        "scores": {name: round(value, DIGITS) for name, value in scored.scores.items()},
        "total": round(scored.total, DIGITS),
        "state": _state(scored.candidate, category, now),
    }


def _state(candidate: Candidate, category: str | None, now: datetime) -> dict[str, Any]:
    """Return what the decision saw of an agent."""
    state: dict[str, Any] = {
        "load": candidate.load,
        "capacity": candidate.capacity,
        "idle_since": rfc3339(candidate.idle_since),
        "assigned_at": candidate.assigned_at and rfc3339(candidate.assigned_at),
        "skills": candidate.skills,
    }
    if candidate.shift is not None:
        left = candidate.shift.left(now)
        state["shift_left_s"] = None if left is None else left.total_seconds()
    known = _figures(candidate.performance, category)
    if known:
        state["performance"] = known
    return state


def _context(choice: Choice, context: Context, category: str | None) -> dict[str, Any]:
    """Return what was true for all, as far as the candidates that are kept depend on it."""
    skills = {
        skill for scored in choice.ranking[:MAX_CANDIDATES] for skill in scored.candidate.skills
    }
    return {
        "now": rfc3339(context.now),
        "seed": context.seed,
        "supply": {skill: context.supply.get(skill, 0) for skill in sorted(skills)},
        "usual": _figures(context.usual, category),
    }


def _figures(performance: Mapping[str, Performance], category: str | None) -> dict[str, Any]:
    return {name: asdict(performance[name]) for name in ("", category or "") if name in performance}


def _rejected(rejections: Sequence[Rejection]) -> list[Mapping[str, Any]]:
    """Return the reasons; of more than MAX_REASONS the most frequent, and the sum of the rest."""
    if len(rejections) <= MAX_REASONS:
        return [_rejection(rejection) for rejection in rejections]
    by_count = sorted(rejections, key=lambda rejection: -rejection.count)
    rest = sum(rejection.count for rejection in by_count[MAX_REASONS:])
    told = [_rejection(rejection) for rejection in by_count[:MAX_REASONS]]
    return [*told, _rejection(Rejection("", "other reasons", rest, ()))]


def _rejection(rejection: Rejection) -> Mapping[str, Any]:
    return {
        "filter": rejection.filter,
        "reason": rejection.reason,
        "count": rejection.count,
        "agent_ids": rejection.agent_ids,
    }
