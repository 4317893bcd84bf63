"""A version of the whole set of rules, ready to be applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from services.router.rules.rule import Rule, parse_rule
from shared.domain.errors import InvalidInput
from shared.domain.ticket_facts import time_zone


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order, with the version that decisions name. Version 0 is the empty set.

    `zone` is what `time` in conditions is in; None is a zone that this machine does not know, in
    the place of which UTC is used.
    """

    version: int
    rules: tuple[Rule, ...]
    zone: ZoneInfo | None


NO_RULES = RuleSet(0, (), None)


def parse_rules(version: int, documents: Sequence[Mapping[str, Any]], zone: str) -> RuleSet:
    """Return the rule set that stored documents of `shared.schemas.rules.RuleSchema` describe."""
    return RuleSet(version, tuple(parse_rule(document) for document in documents), _zone(zone))


def _zone(name: str) -> ZoneInfo | None:
    try:
        return time_zone(name)
    except InvalidInput:
        return None
