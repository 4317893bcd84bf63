"""Rules that match on fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.router.model import Need, Routed
from shared.domain.ticket import Priority


@dataclass(frozen=True, slots=True)
class Rule:
    """If every field in `when` has one of its values, the rest applies."""

    name: str
    when: Mapping[str, frozenset[str]]
    team: str | None
    priority: Priority | None
    skills: Mapping[str, int]
    stop: bool

    def matches(self, ticket: Mapping[str, Any]) -> bool:
        """Tell whether the rule applies to a ticket; a field with many values needs one hit."""
        for name, wanted in self.when.items():
            value = ticket[name]
            values = value if isinstance(value, list) else (value,)
            if wanted.isdisjoint(values):
                return False
        return True


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order, with the version that decisions name. Version 0 is the empty set."""

    version: int
    rules: tuple[Rule, ...]


def parse_rules(version: int, documents: Sequence[Mapping[str, Any]]) -> RuleSet:
    """Return the rule set that documents of `shared.schemas.rules.RuleSchema` describe."""
    return RuleSet(version, tuple(_parse(document) for document in documents))


def apply_rules(rules: RuleSet, ticket: Mapping[str, Any]) -> Routed:
    """Return what a ticket needs after the rules.

    Later rules override the team and priority of earlier ones; required skills add up, the higher
    level of a skill winning. What the ticket itself requires always stays.
    """
    team, priority = ticket["team"], ticket["priority"]
    skills = {skill["skill"]: skill["level"] for skill in ticket["required_skills"]}
    fired = []
    for rule in rules.rules:
        if not rule.matches(ticket):
            continue
        fired.append(rule.name)
        team = rule.team or team
        priority = rule.priority or priority
        for skill, level in rule.skills.items():
            skills[skill] = max(level, skills.get(skill, 0))
        if rule.stop:
            break
    return Routed(Need(team, tuple(sorted(skills.items()))), Priority(priority), tuple(fired))


def _parse(document: Mapping[str, Any]) -> Rule:
    actions = document["then"]
    return Rule(
        name=document["name"],
        when={name: frozenset(values) for name, values in document["when"].items()},
        team=actions.get("team"),
        priority=Priority(actions["priority"]) if "priority" in actions else None,
        skills={skill["skill"]: skill["level"] for skill in actions.get("required_skills", ())},
        stop=actions.get("stop", False),
    )
