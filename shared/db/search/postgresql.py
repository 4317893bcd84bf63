"""PostgreSQL: a `tsvector` of ready stems under a GIN index, read band by band.

GIN finds all tickets of a word at once, in no order. For a word that every fifth of a million
tickets has, that is far too many to sort, and a backward scan that stops early may find nothing for
minutes when two common words never meet. So each document also has a token for its band of
`BAND` ticket numbers: the newest band is asked first, then as many again as were asked before,
until there are enough. Each step is an intersection inside of GIN; the planner has no choice to
get wrong.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, String, bindparam, func, select, text

from shared.db.engine import Transaction
from shared.db.models import SearchDocument
from shared.db.models.base import table
from shared.db.search.backend import Hit, SearchBackend
from shared.db.search.document import GAP, Audience, Document
from shared.domain.search.question import Filter, Phrase, Question

_DOCUMENTS = table(SearchDocument)

#: Ticket numbers in one band.
BAND = 8192
#: Bands asked at once, at the most.
MAX_BANDS = 64
#: What a word weighs by field, in the order D (comments), C (body), B (people), A (title).
WEIGHTS = "{0.2, 0.4, 0.8, 1.0}"
#: Longer documents count for less, by the logarithm of their length (`ts_rank`, 1).
BY_LENGTH = 1

_SQL = text(
    "WITH hit AS MATERIALIZED ("
    " SELECT number, audience FROM search_documents WHERE words @@ CAST(:question AS tsquery)"
    " AND number < :before AND created_at >= :since AND created_at < :until), "
    "newest AS MATERIALIZED (SELECT * FROM hit ORDER BY number DESC LIMIT :limit) "
    "SELECT d.number, d.ticket_id, d.created_at,"
    " ts_rank(CAST(:weights AS float4[]), d.words, CAST(:wanted AS tsquery), :by_length)"
    " FROM newest JOIN search_documents d USING (number, audience) ORDER BY d.number DESC"
).bindparams(
    # In the text, so that the plan is made for these words.
    bindparam("question", type_=String(), literal_execute=True),
    bindparam("wanted", type_=String(), literal_execute=True),
)


class PostgreSQLSearch(SearchBackend):
    """Documents of `search_documents`, one row for each audience."""

    def replace(self, tx: Transaction, numbers: Sequence[int], made: Sequence[Document]) -> None:
        tx.delete(_DOCUMENTS, numbers, key="number")
        tx.insert(
            _DOCUMENTS,
            [
                {
                    "number": document.number,
                    "audience": document.audience.value,
                    "ticket_id": document.ticket_id,
                    "created_at": document.created_at,
                    "words": vector(document),
                }
                for document in made
            ],
        )

    def newest(
        self,
        connection: Connection,
        question: Question,
        audience: Audience,
        before: int | None,
        limit: int,
    ) -> list[Hit]:
        if before is None:
            last = select(func.coalesce(func.max(_DOCUMENTS.c.number), 0))
            before = connection.execute(last).scalar_one() + 1
        asked, wanted = _asked(question), _wanted(question)
        hits: list[Hit] = []
        for bands in _bands(before, audience):
            values = {
                "question": f"{asked}{' & ' if asked else ''}({bands})",
                "wanted": wanted,
                "weights": WEIGHTS,
                "by_length": BY_LENGTH,
                "before": before,
                "since": question.since or "-infinity",
                "until": question.until or "infinity",
                "limit": limit - len(hits),
            }
            hits += [Hit(*row) for row in connection.execute(_SQL, values)]
            if len(hits) >= limit:
                break
        return hits


def vector(document: Document) -> str:
    """Return a document in the text form of `tsvector` (PostgreSQL 15, 8.11.1)."""
    places: dict[str, list[str]] = {}
    place = 1
    weighted = ((document.title, "A"), (document.people, "B"), (document.body, "C"))
    for texts, weight in (*weighted, (document.comments, "D")):
        for words in texts:
            for word in words:
                places.setdefault(word, []).append(f"{place}{weight}")
                place += 1
            place += GAP
    found = [f"'{word}':{','.join(where)}" for word, where in places.items()]
    bands = [_band(document.number // BAND, reader) for reader in document.readers]
    return " ".join([*found, *(f"'{token}'" for token in (*document.facets, *bands))])


def _asked(question: Question) -> str:
    parts = [_phrase(phrase) for phrase in question.phrases]
    return " & ".join([*parts, *(_filter(each) for each in question.filters)])


def _wanted(question: Question) -> str:
    return " & ".join(_phrase(phrase) for phrase in question.phrases if not phrase.excluded)


def _phrase(phrase: Phrase) -> str:
    joined = " <-> ".join(f"'{term}'" for term in phrase.terms)
    return f"!({joined})" if phrase.excluded else f"({joined})"


def _filter(each: Filter) -> str:
    joined = " | ".join(f"'{facet}'" for facet in each.facets)
    return f"!({joined})" if each.excluded else f"({joined})"


def _bands(before: int, audience: Audience) -> Iterator[str]:
    """Yield what to ask for next: the newest band, then ever more, to the oldest."""
    upper, count = (before - 1) // BAND, 1
    while upper >= 0:
        lower = max(0, upper - count + 1)
        names = [_band(number, audience) for number in range(upper, lower - 1, -1)]
        yield " | ".join(f"'{name}'" for name in names)
        upper, count = lower - 1, min(count * 2, MAX_BANDS)


def _band(number: int, audience: Audience) -> str:
    return f"band={audience.name.lower()}{number}"
