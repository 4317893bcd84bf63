"""Answers questions: the best of the newest tickets that fit, or all of them by age."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.db.engine import Database
from shared.db.search.backend import Hit
from shared.db.search.backends import backend_of
from shared.db.search.document import Audience
from shared.domain.search.question import Question

#: How many of the newest tickets that fit are ranked.
RANKED = 500
#: After how many days half of what age can take from a relevance is taken, and how much that is.
HALF_LIFE_DAYS, AGE_TAKES = 90.0, 0.5
#: A ticket whose number was asked for comes first; relevances are far below.
OF_THAT_NUMBER = 1000.0


@dataclass(frozen=True, slots=True)
class Ranked:
    """A hit and its score."""

    hit: Hit
    score: float


def by_relevance(
    database: Database,
    question: Question,
    audience: Audience,
    now: datetime,
    after: tuple[float, int] | None,
    limit: int,
) -> tuple[list[Ranked], bool, bool]:
    """Return the best hits behind (score, number), whether there are more, and if those were all.

    Only the newest `RANKED` tickets that fit are ranked, fewer if finding them takes long; the last
    value tells whether those were all. Scores depend on `now`, which all pages must share.
    """
    with database.searching() as connection:
        found = backend_of(database).newest(connection, question, audience, None, RANKED)
    ranked = sorted(
        (Ranked(hit, _score(hit, question, now)) for hit in found.hits),
        key=lambda each: (-each.score, -each.hit.number),
    )
    if after is not None:
        place = (-after[0], -after[1])
        ranked = [each for each in ranked if (-each.score, -each.hit.number) > place]
    return ranked[:limit], len(ranked) > limit, found.looked_to == 0


def by_age(
    database: Database, question: Question, audience: Audience, before: int | None, limit: int
) -> tuple[Sequence[Hit], int | None]:
    """Return the newest tickets that fit below a number, and below which number to read on.

    There may be fewer than `limit`, even none, and yet more below.
    """
    with database.searching() as connection:
        found = backend_of(database).newest(connection, question, audience, before, limit)
    return found.hits, found.looked_to or None


def _score(hit: Hit, question: Question, now: datetime) -> float:
    if hit.number in question.numbers:
        return OF_THAT_NUMBER
    days = max(0.0, (now - hit.created_at).total_seconds() / 86_400)
    fresh = 1 - AGE_TAKES + AGE_TAKES * 0.5 ** (days / HALF_LIFE_DAYS)
    return float(round(hit.relevance * fresh, 9))
