"""Made-up agents and tickets, the same ones each time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from services.router.model import Candidate, Context, Need, Performance, Subject
from services.router.orders import Waiting
from shared.domain.agent import Presence
from shared.domain.ticket import RESOLUTION_TARGETS, Channel, Priority

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

_SKILLS = ("dns", "mail", "vpn", "wifi")
_TEAMS = ("field", "network", "service")
_LANGUAGES = ("de", "en", "ru")
_TAGS = ("board", "press")
_CATEGORIES = ("", "mail", "vpn")


@dataclass(frozen=True, slots=True)
class Hours:
    """A shift that began at midnight."""

    ends_at: datetime

    def on(self, now: datetime) -> bool:
        """Tell whether it lasts yet."""
        return self.left(now) is not None

    def left(self, now: datetime) -> timedelta | None:
        """Return how long it lasts yet."""
        return self.ends_at - now if now < self.ends_at else None

    def next_start(self, now: datetime) -> datetime | None:
        """Return None: nobody knows."""
        return None


def candidates(seed: int, count: int) -> list[Candidate]:
    """Return agents of every kind: new and experienced, full and empty, on and off shift."""
    lots = Random(seed)  # noqa: S311 -- examples, no secrets
    return [_candidate(lots, number) for number in range(count)]


def needs(seed: int, count: int) -> list[Need]:
    """Return needs, the plainest one first."""
    lots = Random(seed)  # noqa: S311 -- examples, no secrets
    return [Need(None, ()), *(_need(lots) for _ in range(count - 1))]


def subjects(seed: int, count: int) -> list[Subject]:
    """Return tickets with all that scorers may look at."""
    lots = Random(seed)  # noqa: S311 -- examples, no secrets
    return [subject(lots, number, need) for number, need in enumerate(needs(seed, count))]


def subject(lots: Random, number: int, need: Need) -> Subject:
    """Return a ticket with a need."""
    created_at = NOW - timedelta(seconds=lots.choice([0, 30, 4000, 900_000]))
    priority = lots.choice(list(Priority))
    return Subject(
        id=f"tkt_{number:06}",
        need=need,
        priority=priority,
        created_at=created_at,
        due_at=created_at + RESOLUTION_TARGETS[priority],
        category=lots.choice([None, "mail", "vpn", "unheard of"]),
        channel=lots.choice(list(Channel)),
        preferred=tuple((skill, lots.randint(1, 5)) for skill in _some(lots, _SKILLS, 1)),
        former_agent=lots.choice([None, "agt_000001", "agt_999999"]),
        familiar_agent=lots.choice([None, "agt_000002", "agt_999999"]),
    )


def waiting(seed: int, count: int) -> list[Waiting]:
    """Return waiting tickets, some of them late."""
    lots = Random(seed)  # noqa: S311 -- examples, no secrets
    found = []
    for number in range(count):
        created_at = NOW - timedelta(seconds=lots.choice([0, 1, 60, 5000, 100_000, 2_000_000]))
        priority = lots.choice(list(Priority))
        due_at = created_at + RESOLUTION_TARGETS[priority]
        handling_s = lots.choice([0.0, 60.0, 7200.0])
        found.append(Waiting(f"tkt_{number:06}", priority, created_at, due_at, handling_s))
    return found


def contexts() -> list[Context]:
    """Return a context that knows nothing, and one that knows all there can be."""
    usual = {
        "": Performance(5000, 1800.0, 400, 900, 0.8),
        "vpn": Performance(700, 2400.0, 90, 200, 0.7),
    }
    supply = {"dns": 30, "mail": 12, "vpn": 7, "wifi": 1}
    return [Context(NOW), Context(NOW, supply=supply, usual=usual, seed=7)]


def _candidate(lots: Random, number: int) -> Candidate:
    idle_s = lots.choice([0, 5, 600, 90_000])
    assigned = lots.choice([None, NOW - timedelta(seconds=idle_s)])
    shift = lots.choice([None, Hours(NOW + timedelta(seconds=lots.choice([-60, 60, 20_000])))])
    return Candidate(
        id=f"agt_{number:06}",
        name=f"Agent {number}",
        email=f"agent-{number}@example.com",
        presence=lots.choices(list(Presence), [6, 1, 1])[0],
        capacity=lots.choice([0, 1, 3, 8]),
        load=lots.choice([0, 0, 1, 3]),
        idle_since=NOW - timedelta(seconds=idle_s),
        teams=frozenset(_some(lots, _TEAMS, 2)),
        skills={skill: lots.randint(1, 5) for skill in _some(lots, _SKILLS, 3)},
        assigned_at=assigned,
        languages=frozenset(_some(lots, _LANGUAGES, 2)),
        conflicts=frozenset(_some(lots, _TAGS, 1)),
        shift=shift,
        performance={category: _past(lots) for category in _some(lots, _CATEGORIES, 3)},
    )


def _past(lots: Random) -> Performance:
    tickets = lots.choice([0, 1, 40, 3000])
    rated = tickets // 3
    return Performance(
        tickets=tickets,
        handling_s=lots.choice([90.0, 1800.0, 50_000.0]) if tickets else 0.0,
        reopened=tickets // lots.choice([2, 10, 5000]),
        rated=rated,
        satisfaction=lots.random() if rated else 0.0,
    )


def _need(lots: Random) -> Need:
    return Need(
        team=lots.choice([None, *_TEAMS]),
        skills=tuple(sorted((skill, lots.randint(1, 4)) for skill in _some(lots, _SKILLS, 2))),
        language=lots.choice([None, *_LANGUAGES]),
        overflow=tuple(_some(lots, _TEAMS, 1)),
        tags=tuple(_some(lots, _TAGS, 2)),
        excluded=tuple(_some(lots, ("agt_000001", "agt_000003", "agt_999999"), 1)),
        weight=lots.choice([1, 1, 1, 2]),
    )


def _some(lots: Random, of: tuple[Any, ...], most: int) -> list[Any]:
    return lots.sample(of, lots.randint(0, most))
