"""Who could take what: filters and scorers applied to the agents of a batch.

What cannot move while the batch is matched is worked out once for each distinct need, so the cost
for each ticket is that of the load-dependent parts alone. Filters work on sets of agents (see
`services.router.pool`), scorers on a short list, so ten thousand agents cost little more than ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.router.filters import Filter
from services.router.matching.pipeline import Pipeline
from services.router.model import Candidate, Choice, Context, Need, Rejection, Scored, Subject
from services.router.pool import Pool, bits
from services.router.scorers import Scorer

#: Agents named for each reason; of the rest the number is kept.
MAX_NAMED = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """A ticket that looks for an agent, and what decides for it.

    `prefer` is an agent who gets it before all others, if they pass the filters.
    """

    subject: Subject
    pipeline: Pipeline
    prefer: str | None = None


@dataclass(frozen=True, slots=True)
class _Fixed:
    """The part of a need's evaluation that does not move within a batch.

    `scores` holds, by position, what the scorers say that neither move nor look at the ticket.
    """

    passed: int
    rejections: tuple[Rejection, ...]
    moving_filters: tuple[Filter, ...]
    fixed_scorers: tuple[tuple[Scorer, float], ...]
    other_scorers: tuple[tuple[Scorer, float], ...]
    scores: dict[int, dict[str, float]] = field(default_factory=dict)


class MatchingTable:
    """Evaluates tickets against the agents of one batch."""

    def __init__(self, pool: Pool, context: Context, only: int | None = None) -> None:
        """Take agents from `pool`, or only those of a set of positions in it."""
        self._among = pool.facts.everyone if only is None else only
        self.context = context
        self._pool = pool
        self._fixed: dict[Need, _Fixed] = {}

    def candidates(self) -> list[Candidate]:
        """Return everybody as they are now, with what was taken in this table."""
        return list(self._pool.members(self._among))

    def fork(self) -> "MatchingTable":
        """Return a table to try things in: what is taken there is not taken here."""
        fork = MatchingTable(self._pool.copy(), self.context, self._among)
        # What does not move within a batch is the same in both.
        fork._fixed = self._fixed
        return fork

    def choose(self, wanted: Wanted, tickets: int = 1) -> Choice:
        """Rank everybody who can take a ticket now, the best first; the first one wins.

        Equal totals go to the lower id, so that the same inputs always give the same result.
        A matcher that weighs several `tickets` at once says how many: the short list then has room
        for all of them, if there is any.
        """
        need = wanted.subject.need
        fixed = self._evaluate(wanted)
        among, rejections = fixed.passed, fixed.rejections
        for filter_ in fixed.moving_filters:
            among, stopped = self._ask(filter_, need, among)
            rejections += stopped
        positions = self._shortlist(among, wanted, tickets)
        preferred = among & self._pool.named((wanted.prefer,)) if wanted.prefer else 0
        if preferred and preferred.bit_length() - 1 not in positions:
            positions = [*positions, preferred.bit_length() - 1]
        ranking = self._score(fixed, wanted, positions)
        ranking.sort(key=lambda scored: (-scored.total, scored.candidate.id))
        winner = ranking[0].candidate if ranking else None
        if preferred:
            winner = next(self._pool.members(preferred))
        return Choice(tuple(ranking), rejections, among.bit_count(), winner)

    def take(self, candidate: Candidate, wanted: Wanted) -> None:
        """Count a ticket that was just given to a candidate."""
        self._pool.take(candidate.id, wanted.subject.need.weight, self.context.now)

    def room(self, wanted: Wanted) -> int:
        """Return how many tickets like this one the agents could take between them."""
        fixed = self._evaluate(wanted)
        among = fixed.passed
        for filter_ in fixed.moving_filters:
            among, _ = self._ask(filter_, wanted.subject.need, among)
        weight = wanted.subject.need.weight
        return sum(candidate.room // weight for candidate in self._pool.members(among))

    def _evaluate(self, wanted: Wanted) -> _Fixed:
        need = wanted.subject.need
        found = self._fixed.get(need)
        if found is None:
            found = self._fixed[need] = self._evaluate_anew(need, wanted.pipeline)
        return found

    def _evaluate_anew(self, need: Need, pipeline: Pipeline) -> _Fixed:
        among = self._among
        rejections: tuple[Rejection, ...] = ()
        for filter_ in pipeline.filters:
            if not filter_.moves:
                among, stopped = self._ask(filter_, need, among)
                rejections += stopped
        scorers = pipeline.scorers
        return _Fixed(
            passed=among,
            rejections=rejections,
            moving_filters=tuple(f for f in pipeline.filters if f.moves),
            fixed_scorers=tuple(s for s in scorers if not (s[0].moves or s[0].personal)),
            other_scorers=tuple(s for s in scorers if s[0].moves or s[0].personal),
        )

    def _ask(self, filter_: Filter, need: Need, among: int) -> tuple[int, tuple[Rejection, ...]]:
        """Return who is left of a set, and who was stopped for which reason."""
        rejections = []
        for reason, positions in filter_.stopped(need, self._pool, among, self.context):
            among &= ~positions
            rejections.append(self._rejection(filter_.name, reason, positions))
        return among, tuple(rejections)

    def _rejection(self, name: str, reason: str, positions: int) -> Rejection:
        named: list[str] = []
        for position in bits(positions):
            if len(named) == MAX_NAMED:
                break
            named.append(self._pool.candidates[position].id)
        return Rejection(name, reason, positions.bit_count(), tuple(named))

    def _shortlist(self, among: int, wanted: Wanted, tickets: int) -> list[int]:
        """Return the positions to score: all, or those with the largest free share of capacity."""
        limit, weight = wanted.pipeline.profile.shortlist, wanted.subject.need.weight
        if among.bit_count() <= limit:
            return list(bits(among))
        found: list[int] = []
        room = 0
        for share in reversed(self._pool.shares):
            for position in bits(share & among):
                found.append(position)
                if tickets > 1:
                    room += self._pool.candidates[position].room // weight
                if len(found) >= limit and (tickets == 1 or room >= tickets):
                    return found
        return found

    def _score(self, fixed: _Fixed, wanted: Wanted, positions: Sequence[int]) -> list[Scored]:
        """Return the candidates at these positions with their scores.

        The innermost loop of routing: it looks up nothing twice and calls nothing but scorers.
        """
        candidates, subject, context = self._pool.candidates, wanted.subject, self.context
        found = []
        for position in positions:
            candidate, total = candidates[position], 0.0
            scores: dict[str, float] = {}
            if fixed.fixed_scorers:
                scores.update(self._fixed_scores(fixed, subject, position))
                for scorer, weight in fixed.fixed_scorers:
                    total += weight * scores[scorer.name]
            for scorer, weight in fixed.other_scorers:
                value = scores[scorer.name] = scorer.score(subject, candidate, context)
                total += weight * value
            found.append(Scored(candidate, scores, total))
        return found

    def _fixed_scores(self, fixed: _Fixed, subject: Subject, position: int) -> Mapping[str, float]:
        known = fixed.scores.get(position)
        if known is None:
            candidate = self._pool.candidates[position]
            known = fixed.scores[position] = {
                scorer.name: scorer.score(subject, candidate, self.context)
                for scorer, _ in fixed.fixed_scorers
            }
        return known
