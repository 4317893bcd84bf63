"""Rules turn what a ticket says into what it needs; they are data, applied in order."""

from services.router.rules.rule import Rule, RuleSet, apply_rules, parse_rules

__all__ = ["Rule", "RuleSet", "apply_rules", "parse_rules"]
