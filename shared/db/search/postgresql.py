"""PostgreSQL: a `tsvector` of ready stems under a GIN index, read band by band.

GIN finds all tickets of a word at once, in no order. For a word that every fifth of a million
tickets has, that is far too many to sort, and a backward scan that stops early may find nothing for
minutes when two common words never meet. So each document also has a token for its band of
`BAND` ticket numbers: the newest band is asked first, then more at a time while that is quick,
until there are enough or the time is over. Each step is an intersection inside of GIN; the planner
has no choice to get wrong.
"""

from collections.abc import Sequence
from time import monotonic

from sqlalchemy import Connection, String, bindparam, func, select, text

from shared.db.engine import Transaction
from shared.db.models import SearchDocument
from shared.db.models.base import table
from shared.db.search.backend import Found, Hit, SearchBackend
from shared.db.search.document import GAP, Audience, Document
from shared.domain.search.question import Phrase, Question

_DOCUMENTS = table(SearchDocument)

#: Ticket numbers in one band.
BAND = 8192
#: Bands asked at once, at the most.
MAX_BANDS = 128
#: A step that was quicker is followed by one of twice as many bands, a slower one by half as many.
STEP_S = 0.01
#: After this long no further step is begun: what takes longer is asked for page by page.
BUDGET_S = 0.06
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
    ) -> Found:
        if question.impossible:
            return Found((), 0)
        if before is None:
            last = select(func.coalesce(func.max(_DOCUMENTS.c.number), 0))
            before = connection.execute(last).scalar_one() + 1
        asked, wanted = _asked(question), _wanted(question)
        hits: list[Hit] = []
        upper, count, began = (before - 1) // BAND, 1, monotonic()
        while upper >= 0 and len(hits) < limit:
            lower, step_began = max(0, upper - count + 1), monotonic()
            values = {
                "question": f"{asked}{' & ' if asked else ''}({_bands(lower, upper, audience)})",
                "wanted": wanted,
                "weights": WEIGHTS,
                "by_length": BY_LENGTH,
                "before": before,
                "since": question.since or "-infinity",
                "until": question.until or "infinity",
                "limit": limit - len(hits),
            }
            hits += [Hit(*row) for row in connection.execute(_SQL, values)]
            upper, now = lower - 1, monotonic()
            if now - began > BUDGET_S:
                break
            quick = now - step_began < STEP_S
            count = min(count * 2, MAX_BANDS) if quick else max(count // 2, 1)
        if len(hits) == limit:
            return Found(hits, hits[-1].number)
        return Found(hits, (upper + 1) * BAND)


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
    return " & ".join([*parts, *(_any(*each) for each in question.alternatives)])


def _wanted(question: Question) -> str:
    return " & ".join(_phrase(phrase) for phrase in question.phrases if not phrase.excluded)


def _phrase(phrase: Phrase) -> str:
    joined = " <-> ".join(f"'{term}'" for term in phrase.terms)
    return f"!({joined})" if phrase.excluded else f"({joined})"


def _any(tokens: Sequence[str], excluded: bool) -> str:  # noqa: FBT001 -- a pair, unpacked
    joined = " | ".join(f"'{token}'" for token in tokens)
    return f"!({joined})" if excluded else f"({joined})"


def _bands(lower: int, upper: int, audience: Audience) -> str:
    names = (_band(number, audience) for number in range(lower, upper + 1))
    return " | ".join(f"'{name}'" for name in names)


def _band(number: int, audience: Audience) -> str:
    return f"band={audience.name.lower()}{number}"
