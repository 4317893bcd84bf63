"""What somebody searches for, as values: words, phrases, filters, a span of time."""

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from shared.domain.search.days import cover

#: Longer values of filters are cut, in the index and in the question.
MAX_FACET_CHARS = 200


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words next to each other in this order; one word is a phrase too. Stems."""

    terms: tuple[str, ...]
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A field of the ticket must have one of these values, or none of them."""

    name: str
    values: tuple[str, ...]
    excluded: bool = False

    @property
    def facets(self) -> tuple[str, ...]:
        """How the index writes this field with these values."""
        return tuple(facet(self.name, value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Question:
    """All of it must hold. The span is from `since` on, until before `until`."""

    phrases: tuple[Phrase, ...] = ()
    filters: tuple[Filter, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    #: Numbers among the words: a ticket of that number comes first.
    numbers: frozenset[int] = field(default_factory=frozenset)

    @property
    def wanted_terms(self) -> frozenset[str]:
        """The stems that make a text worth showing."""
        return frozenset(t for p in self.phrases if not p.excluded for t in p.terms)

    @property
    def alternatives(self) -> list[tuple[tuple[str, ...], bool]]:
        """Tokens of which a ticket has one, or none where True: the filters and the span."""
        found = [(each.facets, each.excluded) for each in self.filters]
        if self.since is not None or self.until is not None:
            found.append((tuple(cover(self.since, self.until)), False))
        return found

    @property
    def impossible(self) -> bool:
        """Whether nothing can fit, because the span is empty."""
        return any(not tokens for tokens, _ in self.alternatives)


def facet(name: str, value: str) -> str:
    """Return a field's value as one token of the index, made of `A-Z a-z 0-9 _ . - ~ % =`.

    A word of a text has no `=`, so the two never meet.
    """
    return f"{name}={quote(value.casefold()[:MAX_FACET_CHARS], safe='')}"
