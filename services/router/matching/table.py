"""Who could take what: filters and scorers applied to the candidates of a batch.

What cannot move while the batch is matched is worked out once for each distinct need, so the cost
for each ticket is that of the load-dependent parts alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.filters import Filter
from services.router.model import Candidate, Choice, Need, Rejection, Scored
from services.router.scorers import Scorer


@dataclass(frozen=True, slots=True)
class _Fixed:
    """The part of a need's evaluation that does not move within a batch."""

    survivors: tuple[tuple[Candidate, Mapping[str, float]], ...]
    rejections: tuple[Rejection, ...]


class MatchingTable:
    """Evaluates needs against the candidates of one batch."""

    def __init__(
        self,
        filters: Sequence[Filter],
        scorers: Sequence[Scorer],
        candidates: Sequence[Candidate],
        now: datetime,
    ) -> None:
        self._fixed_filters = [f for f in filters if not f.moves]
        self._moving_filters = [f for f in filters if f.moves]
        self._fixed_scorers = [s for s in scorers if not s.moves]
        self._moving_scorers = [s for s in scorers if s.moves]
        self._candidates = candidates
        self._now = now
        self._fixed: dict[Need, _Fixed] = {}

    def choose(self, need: Need, weights: Mapping[str, float]) -> Choice:
        """Rank everybody who can take a ticket with this need now, the best first.

        Equal totals go to the lower id, so that the same inputs always give the same result.
        """
        fixed = self._evaluate(need)
        ranking, stopped = [], defaultdict(list)
        for candidate, known in fixed.survivors:
            obstacle = self._obstacle(need, candidate)
            if obstacle is not None:
                stopped[obstacle].append(candidate.id)
                continue
            scores = dict(known)
            for scorer in self._moving_scorers:
                scores[scorer.name] = scorer.score(need, candidate, self._now)
            total = sum(weights.get(name, 0.0) * value for name, value in scores.items())
            ranking.append(Scored(candidate, scores, total))
        ranking.sort(key=lambda scored: (-scored.total, scored.candidate.id))
        moving = tuple(Rejection(name, why, tuple(ids)) for (name, why), ids in stopped.items())
        return Choice(tuple(ranking), fixed.rejections + moving)

    def take(self, candidate: Candidate, weight: int) -> None:
        """Count a ticket that was just given to a candidate."""
        candidate.load += weight
        candidate.idle_since = self._now

    def room(self, need: Need) -> int:
        """Return how many tickets with this need the candidates could take between them."""
        return sum(
            candidate.room
            for candidate, _ in self._evaluate(need).survivors
            if self._obstacle(need, candidate) is None
        )

    def _obstacle(self, need: Need, candidate: Candidate) -> tuple[str, str] | None:
        for filter_ in self._moving_filters:
            reason = filter_.reject(need, candidate)
            if reason is not None:
                return filter_.name, reason
        return None

    def _evaluate(self, need: Need) -> _Fixed:
        found = self._fixed.get(need)
        if found is None:
            found = self._fixed[need] = self._evaluate_anew(need)
        return found

    def _evaluate_anew(self, need: Need) -> _Fixed:
        survivors, stopped = [], defaultdict(list)
        for candidate in self._candidates:
            for filter_ in self._fixed_filters:
                reason = filter_.reject(need, candidate)
                if reason is not None:
                    stopped[filter_.name, reason].append(candidate.id)
                    break
            else:
                scores = {s.name: s.score(need, candidate, self._now) for s in self._fixed_scorers}
                survivors.append((candidate, scores))
        rejections = tuple(Rejection(name, why, tuple(ids)) for (name, why), ids in stopped.items())
        return _Fixed(tuple(survivors), rejections)
