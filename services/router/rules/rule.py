"""One rule: a condition and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.duration import parse_duration
from shared.domain.errors import BadExpression, EvaluationFailed
from shared.domain.expression import Expression, Facts, compile_expression
from shared.domain.ticket import Level, Priority
from shared.domain.ticket_facts import columns_of, ticket_environment


@dataclass(frozen=True, slots=True)
class Rule:
    """If the condition holds, the rest applies.

    `condition` is None where a stored one no longer compiles; `problem` says why. `looked_at` are
    the fields of a ticket that the condition looks at. `drops` has the seconds after which a skill
    of `skills` is no longer required, `delay` is in seconds.
    """

    name: str
    condition: Expression | None
    problem: str
    looked_at: frozenset[str]
    team: str | None
    priority: Priority | None
    urgency: Level | None
    skills: Mapping[str, int]
    drops: Mapping[str, int]
    preferred: Mapping[str, int]
    tags: tuple[str, ...]
    sla_policy: str | None
    profile: str | None
    delay: int
    stop: bool

    def matches(self, facts: Facts) -> bool:
        """Tell whether the rule applies to a ticket; raises EvaluationFailed."""
        if self.condition is None:
            raise EvaluationFailed(self.problem)
        return self.condition.evaluate(facts)


def parse_rule(document: Mapping[str, Any]) -> Rule:
    """Return the rule that a stored document of `shared.schemas.rules.RuleSchema` describes."""
    actions = document["then"]
    required = actions.get("required_skills", ())
    condition, problem = _compile(document.get("when", "true"))
    return Rule(
        name=document["name"],
        condition=condition,
        problem=problem,
        looked_at=columns_of(condition.variables) if condition else frozenset(),
        team=actions.get("team"),
        priority=Priority(actions["priority"]) if "priority" in actions else None,
        urgency=Level(actions["urgency"]) if "urgency" in actions else None,
        skills={skill["skill"]: skill["level"] for skill in required},
        drops={s["skill"]: parse_duration(s["drop_after"]) for s in required if "drop_after" in s},
        preferred={s["skill"]: s["level"] for s in actions.get("preferred_skills", ())},
        tags=tuple(actions.get("tags", ())),
        sla_policy=actions.get("sla_policy"),
        profile=actions.get("profile"),
        delay=parse_duration(actions["delay"]) if "delay" in actions else 0,
        stop=actions.get("stop", False),
    )


def _compile(source: object) -> tuple[Expression | None, str]:
    """Return a condition or why it is none: a bad one must not hold up the others."""
    if not isinstance(source, str):
        return None, "its condition is not text"
    try:
        return compile_expression(source, ticket_environment()), ""
    except BadExpression as error:
        return None, error.detail
