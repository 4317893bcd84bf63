"""Values for tests of the routing core: agents, tickets, and tables of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.router.matching import MatchingTable, Pipeline, Wanted
from services.router.matching.greedy import GreedyMatcher
from services.router.model import Candidate, Choice, Context, Need, Subject
from services.router.orders import Waiting
from services.router.pool_builder import pool_of
from services.router.profile import parse_profile
from services.router.strategy import StrategyBuilder
from shared.domain.agent import Presence
from shared.domain.ticket import Priority
from tests.factories import NOW

SKILLS = ("dns", "vpn", "wifi")
TEAMS = ("first", "second", "third")
LANGUAGES = ("de", "en")
TAGS = ("board", "rival")
CONTEXT = Context(NOW)
ANYBODY = Need(None, ())


class Hours:
    """A shift from `NOW - 1 h` that lasts so many more seconds; below 0 it is over."""

    def __init__(self, left_s: float) -> None:
        self._end = NOW + timedelta(seconds=left_s)

    def on(self, now: datetime) -> bool:
        return self.left(now) is not None

    def left(self, now: datetime) -> timedelta | None:
        return self._end - now if now < self._end else None


def candidate(number: int = 1, **changed: Any) -> Candidate:
    """An agent who is online with room for five."""
    values: dict[str, Any] = {
        "id": f"agt_{number:04}",
        "name": f"Agent {number}",
        "email": f"agent-{number}@example.com",
        "presence": Presence.ONLINE,
        "capacity": 5,
        "load": 0,
        "idle_since": NOW - timedelta(minutes=10),
        "teams": frozenset(),
        "skills": {},
    }
    return Candidate(**{**values, **changed})


def subject(need: Need = ANYBODY, number: int = 1, **changed: Any) -> Subject:
    """A ticket, a minute old."""
    values: dict[str, Any] = {
        "id": f"tkt_{number:04}",
        "need": need,
        "priority": Priority.MEDIUM,
        "created_at": NOW - timedelta(minutes=1),
        "due_at": NOW + timedelta(hours=1),
    }
    return Subject(**{**values, **changed})


def waiting(
    number: int = 1,
    priority: Priority = Priority.MEDIUM,
    *,
    age_s: float = 60,
    target_s: float = 3600,
    handling_s: float = 0,
) -> Waiting:
    """A waiting ticket of an age and a target."""
    created_at = NOW - timedelta(seconds=age_s)
    due_at = created_at + timedelta(seconds=target_s)
    return Waiting(f"tkt_{number:04}", priority, created_at, due_at, handling_s)


def pipeline(scorers: Mapping[str, float] | None = None, **document: Any) -> Pipeline:
    """The pipeline of a profile; weights of scorers, and fields of the document."""
    if scorers is not None:
        document["scorers"] = dict(scorers)
    built = StrategyBuilder().build(parse_profile("test", 1, document)).pipeline
    assert built.faults == ()
    return built


def table_of(agents: Sequence[Candidate]) -> MatchingTable:
    return MatchingTable(pool_of(agents), CONTEXT)


def wanted(
    needs: Sequence[Need], scorers: Mapping[str, float] | None = None, **document: Any
) -> list[Wanted]:
    """One ticket for each need, all matched by the same profile."""
    decides = pipeline(scorers, **document)
    return [Wanted(subject(need, number), decides) for number, need in enumerate(needs)]


def match(
    agents: Sequence[Candidate],
    needs: Sequence[Need],
    scorers: Mapping[str, float] | None = None,
    **document: Any,
) -> list[Choice]:
    """Match greedily."""
    return GreedyMatcher().match(table_of(agents), wanted(needs, scorers, **document))


@st.composite
def candidates(draw: st.DrawFn, *, most: int = 6) -> list[Candidate]:
    """Agents of every kind."""
    return [
        candidate(
            number,
            presence=draw(st.sampled_from([*[Presence.ONLINE] * 3, Presence.AWAY])),
            capacity=draw(st.integers(0, 5)),
            load=draw(st.integers(0, 3)),
            idle_since=NOW - timedelta(seconds=draw(st.integers(-5, 10_000))),
            teams=draw(st.frozensets(st.sampled_from(TEAMS))),
            skills=draw(st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5))),
            assigned_at=draw(st.none() | st.just(NOW - timedelta(seconds=number))),
            languages=draw(st.frozensets(st.sampled_from(LANGUAGES))),
            conflicts=draw(st.frozensets(st.sampled_from(TAGS))),
            shift=draw(st.none() | st.builds(Hours, st.integers(-100, 10_000))),
        )
        for number in range(draw(st.integers(0, most)))
    ]


needs = st.builds(
    Need,
    team=st.none() | st.sampled_from(TEAMS),
    skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), max_size=2).map(
        lambda skills: tuple(sorted(skills.items()))
    ),
    language=st.none() | st.sampled_from(LANGUAGES),
    overflow=st.lists(st.sampled_from(TEAMS), unique=True, max_size=2).map(tuple),
    tags=st.lists(st.sampled_from(TAGS), unique=True).map(tuple),
    excluded=st.lists(st.sampled_from(["agt_0000", "agt_0001", "agt_9999"]), unique=True).map(
        tuple
    ),
    weight=st.sampled_from([1, 1, 1, 2, 4]),
)
easy_needs = st.builds(
    Need,
    team=st.none() | st.sampled_from(TEAMS),
    skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 3), max_size=1).map(
        lambda skills: tuple(skills.items())
    ),
)
weights = st.dictionaries(
    st.sampled_from(["least_loaded", "longest_idle", "skill_fit", "spare_skills", "random"]),
    st.floats(0.01, 100),
    min_size=1,
)
