"""What a ticket needs at this moment: rules, what it waited for, and what its team decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from services.router.configuration import Configuration
from services.router.model import Choice, Need, Routed, Subject
from services.router.pool import Pool
from services.router.rules import apply_rules
from services.router.strategy import Strategy
from services.router.team_policy import TeamPolicy
from shared.domain.agent import Presence
from shared.domain.sla import expected
from shared.domain.ticket import Priority

Ticket = Mapping[str, Any]

#: How often a waiting ticket looks whether its team has gone home.
LOOK_AT_SHIFTS_S = 60

#: As many as a ticket may be sent with.
MAX_TAGS = 50

_COLUMNS = (
    "team",
    "priority",
    "urgency",
    "required_skills",
    "preferred_skills",
    "tags",
    "sla_policy",
    "rule_fields",
    "rank",
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A claimed ticket, what the rules made of it, and what decides for it.

    `columns` are the ticket's as the rules left them, the same ones for every ticket, so that a
    batch is one statement. `changes_at` is when its need changes by itself, because a skill is
    dropped or a team joins in. `prefer` is who had it before it was reopened.
    """

    ticket: Ticket
    routed: Routed
    subject: Subject
    strategy: Strategy
    columns: Mapping[str, Any]
    changes_at: datetime | None = None
    prefer: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A decision that was recorded: its id, the plan as it was decided, and the choice."""

    decision_id: str
    plan: Planned
    choice: Choice


def plan(configuration: Configuration, ticket: Ticket, pool: Pool, now: datetime) -> Planned:
    """Apply the rules to a ticket and return what it needs now."""
    routed = _with_pinned_team(apply_rules(configuration.rules, _as_asked(ticket), now), ticket)
    policy = configuration.policy(routed.need.team)
    strategy = configuration.strategy(routed.profile or policy.profile_for(ticket["id"]))
    waited_s = (now - ticket["queued_at"]).total_seconds()
    need = _need(routed, ticket, policy, strategy, pool, waited_s, now)
    later = [after for _, after in routed.drops if after > waited_s]
    later += [overflow.after_s for overflow in policy.overflow if overflow.after_s > waited_s]
    if any(overflow.when_off_shift for overflow in policy.overflow):
        later.append(int(waited_s) + LOOK_AT_SHIFTS_S)
    columns = _columns(ticket, routed)
    due_at = expected(configuration.service_levels, ticket, columns, now)
    return Planned(
        ticket,
        routed,
        subject_of(ticket, need, routed.priority, due_at, routed.preferred),
        strategy,
        columns,
        ticket["queued_at"] + timedelta(seconds=min(later)) if later else None,
        ticket["former_agent_id"],
    )


def _as_asked(ticket: Ticket) -> Ticket:
    """Return the ticket as people wrote it: rules must not take their own work for the ticket's."""
    return {**ticket, **(ticket["asked"] or {})}


def _with_pinned_team(routed: Routed, ticket: Ticket) -> Routed:
    """Keep the team that somebody handed the ticket over to, whatever the rules say."""
    if not (ticket["asked"] or {}).get("team_pinned"):
        return routed
    return replace(routed, need=replace(routed.need, team=ticket["asked"]["team"]))


def resume(configuration: Configuration, ticket: Ticket, need: Need) -> Planned:
    """Return the plan of a ticket that waits with a need; its rules are not asked again."""
    preferred = tuple((row["skill"], row["level"]) for row in ticket["preferred_skills"])
    routed = Routed(need, ticket["priority"], (), preferred=preferred)
    return Planned(
        ticket,
        routed,
        subject_of(ticket, need, ticket["priority"], ticket["expected_resolution_at"], preferred),
        configuration.strategy(need.profile),
        {name: ticket[name] for name in _COLUMNS},
        prefer=ticket["former_agent_id"],
    )


def under(planned: Planned, strategy: Strategy) -> Planned:
    """Return the plan of the same ticket at the same moment if another strategy decided for it."""
    subject = planned.subject
    weight = strategy.profile.weight_of(subject.channel, subject.priority)
    need = replace(subject.need, weight=weight, profile=strategy.profile.name)
    return replace(planned, subject=replace(subject, need=need), strategy=strategy)


def _columns(ticket: Ticket, routed: Routed) -> dict[str, Any]:
    return {
        "team": routed.need.team,
        "priority": routed.priority,
        "urgency": routed.urgency or _as_asked(ticket)["urgency"],
        "required_skills": _skills(routed.need.skills),
        "preferred_skills": _skills(routed.preferred),
        "tags": _tags(ticket, routed),
        "sla_policy": routed.sla_policy,
        "rule_fields": sorted(routed.looked_at),
        "rank": ticket["rank"] - ticket["priority"].rank + routed.priority.rank,
    }


def _tags(ticket: Ticket, routed: Routed) -> list[str]:
    own = _as_asked(ticket)["tags"]
    return [*own, *(tag for tag in routed.tags if tag not in own)][:MAX_TAGS]


def _skills(pairs: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    return [{"skill": skill, "level": level} for skill, level in pairs]


def subject_of(
    ticket: Ticket,
    need: Need,
    priority: Priority,
    due_at: datetime,
    preferred: tuple[tuple[str, int], ...],
) -> Subject:
    """Return a ticket as scorers see it; `due_at` is when it is expected to be resolved."""
    return Subject(
        id=ticket["id"],
        need=need,
        priority=priority,
        created_at=ticket["created_at"],
        due_at=due_at,
        category=ticket["category"],
        channel=ticket["channel"],
        preferred=preferred,
        former_agent=ticket["former_agent_id"],
    )


def _need(
    routed: Routed,
    ticket: Ticket,
    policy: TeamPolicy,
    strategy: Strategy,
    pool: Pool,
    waited_s: float,
    now: datetime,
) -> Need:
    dropped = {skill for skill, after in routed.drops if after <= waited_s}
    helpers = [overflow.team for overflow in policy.overflow if overflow.after_s <= waited_s]
    if any(overflow.when_off_shift for overflow in policy.overflow) and not _at_work(
        pool, routed.need.team, now
    ):
        helpers += [overflow.team for overflow in policy.overflow if overflow.when_off_shift]
    language, tags = _distinguishing(ticket["language"], _tags(ticket, routed), pool)
    return Need(
        team=routed.need.team,
        skills=tuple(pair for pair in routed.need.skills if pair[0] not in dropped),
        language=language,
        overflow=tuple(sorted(set(helpers))),
        tags=tags,
        excluded=tuple(sorted(ticket["declined_by"])),
        weight=strategy.profile.weight_of(ticket["channel"], routed.priority),
        profile=strategy.profile.name,
    )


def says_all(need: Need, ticket: Ticket, pool: Pool) -> bool:
    """Tell whether a need has all that distinguishes its waiting ticket for the agents of now.

    It has not once somebody names the first language, or a conflict with a tag of the ticket.
    """
    return (need.language, need.tags) == _distinguishing(ticket["language"], ticket["tags"], pool)


def _distinguishing(
    language: str | None, tags: Sequence[str], pool: Pool
) -> tuple[str | None, tuple[str, ...]]:
    """Return of a ticket's language and tags what makes a difference to somebody.

    A tag does if somebody has a conflict with it, a language where somebody does not speak all.
    """
    return (
        language if pool.facts.speakers else None,
        tuple(sorted(tag for tag in tags if tag in pool.facts.conflicts)),
    )


def _at_work(pool: Pool, team: str | None, now: datetime) -> bool:
    """Tell whether a team is open and anybody of it is there: not offline, and on shift."""
    hours = pool.facts.business_hours.get(team or "")
    if hours is not None and not hours.on(now):
        return False
    members = pool.facts.teams.get(team or "", 0)
    present = members & ~pool.facts.presences.get(Presence.OFFLINE, 0)
    if present & ~pool.facts.on_calendar:
        return True
    return any(agent.shift and agent.shift.on(now) for agent in pool.members(present))
