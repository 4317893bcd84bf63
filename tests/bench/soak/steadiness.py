"""Is a curve flat? Values in, verdicts out.

The first half of a run is for caches, pools and allocators to fill. Of the second half the slope is
taken by Theil and Sen: the median of the slopes of all pairs, which up to 29 % of outliers cannot
move (Sen 1968, doi:10.1080/01621459.1968.10480934). What that slope adds in the second half must
stay within a tolerance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

#: A moment in seconds, and values by curve; a curve is `what/whose`, such as `memory_mb/intake`.
Sample = tuple[float, Mapping[str, float]]
Points = Sequence[tuple[float, float]]

#: Tables that hold what is under way or what is configured, and nothing for each ticket.
STANDING = ("agents", "event_outbox", "leases", "requirements", "waiting_looks", "endpoint_health")

#: Fewer samples have no slope.
LEAST_SAMPLES = 4
#: More points than this are thinned: pairs grow with the square.
_MOST_POINTS = 400
#: How often PostgreSQL looks whether a vacuum is due, by default, in seconds (autovacuum_naptime).
VACUUM_LOOKS_S = 60.0
#: Dead rows are judged only where autovacuum had looked about ten times.
JUDGE_DEAD_AFTER_S = 10 * VACUUM_LOOKS_S
#: How much above the first half's peak that of the second may be: what piles up doubles.
_ABOVE_BEFORE = 1.5


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What the second half may add: a share of its median, and at least `floor`."""

    share: float
    floor: float

    def allows(self, level: float) -> float:
        """Return the most that may be added to a curve of this level."""
        return max(self.share * abs(level), self.floor)


TOLERANCES: Mapping[str, Tolerance] = {
    "memory_mb": Tolerance(0.04, 4.0),
    "files": Tolerance(0.05, 3.0),
    "threads": Tolerance(0.05, 2.0),
    "database_connections": Tolerance(0.05, 2.0),
    "broker_connections": Tolerance(0.05, 2.0),
    "oldest_s": Tolerance(0.0, 0.5),
    "standing_rows": Tolerance(0.1, 500.0),
    # Only of tables in STANDING. They grow in steps, until vacuum frees enough.
    "bytes": Tolerance(0.1, 2.0 * 2**20),
}

#: Curves that say nothing: each of PostgreSQL's processes keeps the files of every table it ever
#: touched open, up to max_files_per_process (1,000), and autovacuum's come and go.
NOT_JUDGED = {"files/postgresql"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a curve did in the second half; `added` is by its slope, `allowed` the bound."""

    curve: str
    level: float
    added: float
    allowed: float

    @property
    def flat(self) -> bool:
        """Tell whether it stays within its bound. What falls is flat."""
        return self.added <= self.allowed


def judge(samples: Sequence[Sample]) -> list[Verdict]:
    """Return the verdict of each curve that has a tolerance, and of the dead rows of tables.

    Raises ValueError for fewer than four samples: a slope needs two in the second half.
    """
    if len(samples) < LEAST_SAMPLES:
        raise ValueError("a verdict needs four samples")
    names = dict.fromkeys(name for _, values in samples for name in values)
    found = []
    for name in names:
        kind, _, whose = name.partition("/")
        points = [(at, values[name]) for at, values in samples if name in values]
        if name in NOT_JUDGED or (kind == "bytes" and whose not in STANDING):
            continue
        if kind in TOLERANCES and len(points) >= LEAST_SAMPLES:
            found.append(_rise(name, second_half(points), TOLERANCES[kind]))
        elif kind == "dead_rows" and points[-1][0] - points[0][0] >= JUDGE_DEAD_AFTER_S:
            due = max(values.get(f"vacuum_due/{whose}", 0.0) for _, values in samples)
            found.append(_dead(name, points, due))
    return found


def second_half(points: Points) -> Points:
    """Return the points after the middle of the time."""
    middle = (points[0][0] + points[-1][0]) / 2
    return [point for point in points if point[0] >= middle]


def slope(points: Points) -> float:
    """Return the median slope of all pairs of points; 0 for fewer than two."""
    thin = points[:: max(1, -(-len(points) // _MOST_POINTS))]
    slopes = [(y - b) / (x - a) for (a, b), (x, y) in combinations(thin, 2) if x != a]
    return median(slopes) if slopes else 0.0


def per_ticket(sizes: Points, tickets: Points) -> float | None:
    """Return what a table that grows with tickets adds for each, in the second half; None for none.

    `sizes` are bytes and `tickets` counts, at the same moments.
    """
    first, last = second_half(sizes)[0][1], sizes[-1][1]
    made = tickets[-1][1] - second_half(tickets)[0][1]
    return (last - first) / made if made > 0 else None


def _rise(name: str, points: Points, tolerance: Tolerance) -> Verdict:
    level = median(value for _, value in points)
    added = slope(points) * (points[-1][0] - points[0][0])
    return Verdict(name, level, added, tolerance.allows(level))


def _dead(name: str, points: Points, due: float) -> Verdict:
    """Dead rows come and go with every vacuum: their peak is what has a bound.

    A vacuum is due at so many dead rows, is noticed up to a minute later and then takes its time:
    twice that is allowed, and as much as in the first half and half of it more.
    """
    per_s = max(
        ((y - b) / (x - a) for (a, b), (x, y) in pairwise(points) if x > a),
        default=0.0,
    )
    before = max(value for at, value in points if at < second_half(points)[0][0])
    peak = max(value for _, value in second_half(points))
    usual = 2 * (due + max(0.0, per_s) * VACUUM_LOOKS_S)
    return Verdict(name, peak, peak, max(usual, _ABOVE_BEFORE * before))
