"""The seam: how a database keeps search documents and finds them again."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import Transaction
from shared.db.search.document import Audience, Document
from shared.domain.search.question import Question


@dataclass(frozen=True, slots=True)
class Hit:
    """A ticket that fits a question; `relevance` is above 0, more is better."""

    number: int
    ticket_id: str
    created_at: datetime
    relevance: float


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, the newest first; all below `looked_to` were not looked at, 0 if all were."""

    hits: Sequence[Hit]
    looked_to: int


class SearchBackend(ABC):
    """One database's full-text index."""

    @abstractmethod
    def replace(self, tx: Transaction, numbers: Sequence[int], made: Sequence[Document]) -> None:
        """Put documents in the place of all that the tickets of these numbers had."""

    @abstractmethod
    def newest(
        self,
        connection: Connection,
        question: Question,
        audience: Audience,
        before: int | None,
        limit: int,
    ) -> Found:
        """Return the newest tickets that fit, by number from below `before` down.

        There may be fewer than `limit`, and yet more below, when looking took too long.
        """
