"""Applying a rule set: one pass from the first rule to the last, or to the one that stops."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.router.model import Need, Routed
from services.router.rules.rule import Rule
from services.router.rules.rule_set import RuleSet
from shared.domain.errors import EvaluationFailed
from shared.domain.ticket import Priority
from shared.domain.ticket_facts import ticket_facts

_UTC = ZoneInfo("UTC")


@dataclass(slots=True)
class _Asked:
    """Which rules were asked, which of them fired, and what they could not say."""

    fired: list[Rule] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


def apply_rules(rules: RuleSet, ticket: Mapping[str, Any], now: datetime) -> Routed:
    """Return what a ticket, a row of `tickets`, needs after the rules.

    All rules look at the ticket as it came in; none sees what another set, so no set of rules can
    go in a circle. Later rules override single values; skills add up, the higher level winning;
    tags add up; of delays the longest holds. What the ticket itself requires always stays. A rule
    whose condition has no answer does not match, and `errors` says so.
    """
    asked = _ask(rules, ticket, now)
    fired = asked.fired
    skills = _highest(fired, "skills", ticket["required_skills"])
    preferred = _highest(fired, "preferred", ())
    return Routed(
        need=Need(_last(fired, "team") or ticket["team"], tuple(sorted(skills.items()))),
        priority=Priority(_last(fired, "priority") or ticket["priority"]),
        fired=tuple(rule.name for rule in fired),
        preferred=tuple(sorted(preferred.items())),
        drops=tuple(_drops(fired, ticket)),
        tags=_new_tags(fired, ticket["tags"]),
        urgency=_last(fired, "urgency"),
        sla_policy=_last(fired, "sla_policy"),
        profile=_last(fired, "profile"),
        delay=max((rule.delay for rule in fired), default=0),
        looked_at=frozenset(asked.looked_at),
        errors=tuple(asked.errors),
    )


def _ask(rules: RuleSet, ticket: Mapping[str, Any], now: datetime) -> _Asked:
    asked = _Asked()
    if not rules.rules:
        return asked
    if rules.zone is None:
        asked.errors.append("the time zone of the rules is not known here; UTC is used")
    facts = ticket_facts(ticket, now, rules.zone or _UTC)
    for rule in rules.rules:
        asked.looked_at |= rule.looked_at
        try:
            if not rule.matches(facts):
                continue
        except EvaluationFailed as error:
            asked.errors.append(f"rule {rule.name!r}: {error.detail}")
            continue
        asked.fired.append(rule)
        if rule.stop:
            break
    return asked


def _last(fired: list[Rule], action: str) -> Any:
    """Return what the last rule that says something about an action says; None if none does."""
    return next((said for rule in reversed(fired) if (said := getattr(rule, action))), None)


def _highest(fired: list[Rule], action: str, own: Any) -> dict[str, int]:
    """Return the highest level of each skill, of the ticket's own and of the rules'."""
    skills = {skill["skill"]: skill["level"] for skill in own}
    for rule in fired:
        for skill, level in getattr(rule, action).items():
            skills[skill] = max(level, skills.get(skill, 0))
    return skills


def _drops(fired: list[Rule], ticket: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield skills that are dropped once everybody who asked for them has let go of them.

    What the ticket itself requires is never dropped.
    """
    own = {skill["skill"] for skill in ticket["required_skills"]}
    for skill in sorted({skill for rule in fired for skill in rule.skills} - own):
        waits = [rule.drops.get(skill) for rule in fired if skill in rule.skills]
        known = [wait for wait in waits if wait is not None]
        if len(known) == len(waits):
            yield skill, max(known)


def _new_tags(fired: list[Rule], present: list[str]) -> tuple[str, ...]:
    tags = dict.fromkeys(tag for rule in fired for tag in rule.tags)
    return tuple(tag for tag in tags if tag not in present)
