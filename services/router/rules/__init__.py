"""Rules turn what a ticket says into what it needs; they are data, applied in order."""

from services.router.rules.apply import apply_rules
from services.router.rules.rule_set import NO_RULES, RuleSet, parse_rules

__all__ = ["NO_RULES", "RuleSet", "apply_rules", "parse_rules"]
