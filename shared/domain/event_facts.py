"""What filters of subscribers may know of an event: its envelope and its data."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from shared.domain.errors import EvaluationFailed
from shared.domain.expression import Environment, Expression, Facts, Kind, compile_expression

_VARIABLES = {
    "type": Kind.TEXT,
    "version": Kind.NUMBER,
    "sequence": Kind.NUMBER,
    "timestamp": Kind.MOMENT,
    "correlation_id": Kind.TEXT,
    "data": Kind.DOCUMENT,
}


@cache
def event_environment() -> Environment:
    """Return the variables `event.…`."""
    return Environment({f"event.{name}": kind for name, kind in _VARIABLES.items()})


def event_filter(source: str) -> Expression:
    """Return a filter, compiled the first time; raises BadExpression."""
    return compile_expression(source, event_environment())


def event_facts(event: Mapping[str, Any]) -> Facts:
    """Return the facts of an event as it goes over the wire."""
    values = {f"event.{name}": event[name] for name in _VARIABLES}
    values["event.timestamp"] = datetime.fromisoformat(event["timestamp"])
    return event_environment().facts(values)


def passes(source: str, facts: Facts) -> bool:
    """Tell whether an event passes a filter; one that has no answer for it lets it not pass.

    Raises BadExpression for what is no filter.
    """
    try:
        return event_filter(source).evaluate(facts)
    except EvaluationFailed:
        return False
