"""SQLite: an FTS5 table of ready stems, whose rows are numbered so that the newest come last.

FTS5 walks its lists in the order of rows, either way, so the newest tickets that fit are found
without looking at the others (SQLite documentation, “FTS5”, 6.2 and 8).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, text

from shared.db.engine import Transaction
from shared.db.models import SearchDocument
from shared.db.models.base import table
from shared.db.search.backend import Found, Hit, SearchBackend
from shared.db.search.document import Audience, Document
from shared.db.types import UTCDateTime
from shared.domain.search.question import Question

_DOCUMENTS = table(SearchDocument)
#: Not of our metadata: FTS5 makes tables of its own beneath it.
_WORDS = Table(
    "search_words",
    MetaData(),
    Column("rowid", Integer, primary_key=True),
    *(Column(name, Text) for name in ("title", "people", "body", "comments", "fields")),
)
#: Between two texts of one field, so that no phrase reaches over it.
_BREAK = " ~ "
#: What a word weighs by field, as on PostgreSQL; `bm25` is less for what fits better.
_WEIGHTS = "1.0, 0.8, 0.4, 0.2, 0.0"

_SQL = text(
    "SELECT d.number, d.ticket_id, d.created_at, -bm25(search_words, " + _WEIGHTS + ") "
    "FROM search_words JOIN search_documents d "
    "ON d.number = search_words.rowid >> 1 AND d.audience = (search_words.rowid & 1) "
    "WHERE search_words MATCH :question AND search_words.rowid < :before "
    "AND d.created_at >= :since AND d.created_at < :until "
    "ORDER BY search_words.rowid DESC LIMIT :limit"
).columns(created_at=UTCDateTime())


class SQLiteSearch(SearchBackend):
    """Documents of `search_words`, with their tickets in `search_documents`."""

    def replace(self, tx: Transaction, numbers: Sequence[int], made: Sequence[Document]) -> None:
        rows = [2 * number + audience for number in numbers for audience in Audience]
        tx.delete(_WORDS, rows, key="rowid")
        tx.delete(_DOCUMENTS, numbers, key="number")
        tx.insert(
            _DOCUMENTS,
            [
                {
                    "number": document.number,
                    "audience": document.audience.value,
                    "ticket_id": document.ticket_id,
                    "created_at": document.created_at,
                    "words": None,
                }
                for document in made
            ],
        )
        tx.insert(_WORDS, [_words(document) for document in made])

    def newest(
        self,
        connection: Connection,
        question: Question,
        audience: Audience,
        before: int | None,
        limit: int,
    ) -> Found:
        if question.impossible:
            return Found((), 0)
        values = {
            "question": _asked(question, audience),
            "before": 2**62 if before is None else 2 * before,
            "since": "" if question.since is None else _moment(question.since),
            "until": "~" if question.until is None else _moment(question.until),
            "limit": limit,
        }
        hits = [Hit(*row) for row in connection.execute(_SQL, values)]
        return Found(hits, hits[-1].number if len(hits) == limit else 0)


def _words(document: Document) -> dict[str, object]:
    texts = {
        "title": document.title,
        "people": document.people,
        "body": document.body,
        "comments": document.comments,
    }
    readers = [_reader(reader) for reader in document.readers]
    return {
        "rowid": 2 * document.number + document.audience,
        **{name: _BREAK.join(" ".join(words) for words in found) for name, found in texts.items()},
        "fields": " ".join([*document.facets, *readers]),
    }


def _asked(question: Question, audience: Audience) -> str:
    """Return a question in the syntax of FTS5, where NOT takes something to be taken from."""
    wanted = [f'"{_reader(audience)}"']
    unwanted: list[str] = []
    for phrase in question.phrases:
        (unwanted if phrase.excluded else wanted).append(f'"{" ".join(phrase.terms)}"')
    for tokens, excluded in question.alternatives:
        joined = " OR ".join(f'"{token}"' for token in tokens)
        (unwanted if excluded else wanted).append(f"({joined})")
    asked = " AND ".join(wanted)
    return f"({asked}) NOT ({' OR '.join(unwanted)})" if unwanted else asked


def _reader(audience: Audience) -> str:
    return f"for={audience.name.lower()}"


def _moment(moment: datetime) -> str:
    """Write a moment as SQLite's columns hold it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
