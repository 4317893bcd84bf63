"""What the index knows of one ticket: stems by field, and its fields as tokens."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from shared.domain.search.days import tokens_of
from shared.domain.search.fields import OWNER
from shared.domain.search.question import facet
from shared.domain.search.words import terms

#: Words and bytes of a document: PostgreSQL counts places up to 16,383 and takes 1 MB at the most.
MAX_WORDS = 16_000
MAX_BYTES = 400_000

#: Between two texts, so that no phrase reaches over the gap.
GAP = 1


class Audience(IntEnum):
    """For whom a document is."""

    ALL = 0
    STAFF = 1


@dataclass(frozen=True, slots=True)
class Document:
    """One row of the index. The texts are lists of stems, most telling field first."""

    number: int
    ticket_id: str
    created_at: datetime
    audience: Audience
    #: Who finds it: a ticket without internal comments is the same for all.
    readers: tuple[Audience, ...]
    title: Sequence[Sequence[str]]
    people: Sequence[Sequence[str]]
    body: Sequence[Sequence[str]]
    comments: Sequence[Sequence[str]]
    facets: Sequence[str]


def documents(ticket: Mapping[str, Any], comments: Sequence[Mapping[str, Any]]) -> list[Document]:
    """Return a ticket's documents: one for all, and one for staff if there is more to find."""
    public = [row["body"] for row in comments if row["visibility"] == "public"]
    if len(public) == len(comments):
        return [_document(ticket, public, Audience.ALL, tuple(Audience))]
    everything = [row["body"] for row in comments]
    return [
        _document(ticket, public, Audience.ALL, (Audience.ALL,)),
        _document(ticket, everything, Audience.STAFF, (Audience.STAFF,)),
    ]


def _document(
    ticket: Mapping[str, Any],
    comments: Sequence[str],
    audience: Audience,
    readers: tuple[Audience, ...],
) -> Document:
    requester = ticket["requester"] or {}
    left = _Room()
    return Document(
        number=ticket["number"],
        ticket_id=ticket["id"],
        created_at=ticket["created_at"],
        audience=audience,
        readers=readers,
        title=left.take([ticket["subject"], str(ticket["number"])]),
        people=left.take(
            [requester.get("name"), requester.get("email"), *(ticket["error_messages"] or [])]
        ),
        body=left.take([ticket["description"], ticket["steps_to_reproduce"]]),
        comments=left.take(comments),
        facets=_facets(ticket, requester),
    )


def _facets(ticket: Mapping[str, Any], requester: Mapping[str, Any]) -> list[str]:
    one = {
        "status": ticket["status"],
        "priority": ticket["priority"],
        "type": ticket["type"],
        "channel": ticket["channel"],
        "team": ticket["team"],
        "category": ticket["category"],
        "product": ticket["product"],
        "assignee": ticket["assignee_id"],
        "requester": requester.get("email"),
        "number": ticket["number"],
        OWNER: ticket["requester_id"],
    }
    found = [facet(name, str(value)) for name, value in one.items() if value is not None]
    found += [facet("tag", tag) for tag in ticket["tags"] or []]
    return [*found, *tokens_of(ticket["created_at"])]


class _Room:
    """How much of a document is still free."""

    def __init__(self) -> None:
        self._words = MAX_WORDS
        self._bytes = MAX_BYTES

    def take(self, texts: Iterable[str | None]) -> list[list[str]]:
        return [taken for text in texts if text and (taken := self._fit(terms(text)))]

    def _fit(self, found: list[str]) -> list[str]:
        size = len("".join(found).encode()) + 4 * len(found)
        if size <= self._bytes and len(found) <= self._words - GAP:
            self._bytes -= size
            self._words -= len(found) + GAP
            return found
        kept = []
        for term in found[: max(0, self._words - GAP)]:
            self._bytes -= len(term.encode()) + 4
            if self._bytes < 0:
                break
            kept.append(term)
        self._words -= len(kept) + GAP
        return kept
