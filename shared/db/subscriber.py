"""Whether a subscriber wants an event: by its type, and by a filter over what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from shared.db.engine import Row
from shared.db.types import load_json
from shared.domain.errors import BadExpression
from shared.domain.event_facts import event_facts, passes
from shared.domain.event_pattern import types_of
from shared.domain.expression import Facts
from shared.observability.logging import get_logger

log = get_logger()


class Document:
    """An event's text, read when somebody asks, and once."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def value(self) -> Mapping[str, Any]:
        """Return the event as it goes over the wire."""
        document: Mapping[str, Any] = load_json(self._text)
        return document

    @cached_property
    def facts(self) -> Facts:
        """Return what filters may know of it."""
        return event_facts(self.value)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscription, as far as fan-out asks."""

    id: str
    types: frozenset[str]
    filter: str | None

    @classmethod
    def of(cls, row: Row) -> "Subscriber":
        """Return the subscriber of a row."""
        return cls(row["id"], _types(tuple(row["event_types"])), row["filter"])

    def wants(self, event_type: str, document: Document) -> bool:
        """Tell whether an event is to be sent."""
        if event_type not in self.types:
            return False
        if self.filter is None:
            return True
        try:
            return passes(self.filter, document.facts)
        except BadExpression as error:
            # It was one when it was stored. Too much is put right sooner than nothing at all.
            log.warning("filter.unusable", subscription=self.id, reason=error.detail)
            return True


@lru_cache(maxsize=1024)
def _types(patterns: tuple[str, ...]) -> frozenset[str]:
    return types_of(patterns)
