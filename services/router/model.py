"""The values that routing works on: what a ticket needs, who could serve it, what was decided.

All of it is immutable and free of I/O, so that plugins, the live router, shadow profiles and the
simulator share the same objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

from shared.domain.agent import Presence
from shared.domain.ticket import Channel, Level, Priority

DEFAULT_PROFILE = "default"

#: Signatures longer than this are cut to so many characters and a hash of the whole.
MAX_SIGNATURE, READABLE = 500, 200


class Shift(Protocol):
    """When somebody works; `shared.domain.working_time.Schedule` is one."""

    def on(self, now: datetime) -> bool:
        """Tell whether the moment is working time."""
        ...

    def left(self, now: datetime) -> timedelta | None:
        """Return how long the present working time lasts; None outside of it."""
        ...

    def next_start(self, now: datetime) -> datetime | None:
        """Return when working time begins next; None if nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class Need:
    """What a ticket requires of an agent. Tickets with equal needs are the same to all filters.

    `skills` are (skill, level) pairs in the order of their names, `overflow` further teams whose
    members may serve too, `excluded` the ids of agents who must not or will not, `weight` what the
    ticket adds to a load.
    """

    team: str | None
    skills: tuple[tuple[str, int], ...]
    language: str | None = None
    overflow: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    weight: int = 1
    profile: str = DEFAULT_PROFILE

    @property
    def signature(self) -> str:
        """The need as canonical text: `network|dns:2,vpn:3`, then only what is not the default."""
        skills = ",".join(f"{skill}:{level}" for skill, level in self.skills)
        more = [
            f"{name}={value}"
            for name, value in (
                ("language", self.language or ""),
                ("overflow", ",".join(self.overflow)),
                ("tags", ",".join(self.tags)),
                ("excluded", ",".join(self.excluded)),
                ("weight", str(self.weight) if self.weight != 1 else ""),
                ("profile", self.profile if self.profile != DEFAULT_PROFILE else ""),
            )
            if value
        ]
        text = "|".join((self.team or "", skills, *more))
        if len(text) <= MAX_SIGNATURE:
            return text
        # An index takes no key of any length; the need itself is kept beside the signature.
        return f"{text[:READABLE]}…{sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Performance:
    """What an agent's finished tickets of one category say; counts tell how much to believe it.

    `handling_s` (seconds) and `satisfaction` (0 to 1) are means, over `tickets` and over `rated`.
    """

    tickets: int = 0
    handling_s: float = 0.0
    reopened: int = 0
    rated: int = 0
    satisfaction: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent as the router sees it.

    `assigned_at` is when they last got a ticket, `idle_since` when they last got or finished one.
    `performance` is by category; the empty category is all of them together.
    """

    id: str
    name: str
    email: str
    presence: Presence
    capacity: int
    load: int
    idle_since: datetime
    teams: frozenset[str]
    skills: Mapping[str, int]
    assigned_at: datetime | None = None
    languages: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()
    shift: Shift | None = None
    performance: Mapping[str, Performance] = field(default_factory=dict)

    @property
    def room(self) -> int:
        """How much more work fits; never negative."""
        return max(0, self.capacity - self.load)

    @property
    def load_share(self) -> float:
        """The share of the capacity that is used; 1 where there is no capacity."""
        return self.load / self.capacity if self.capacity > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A ticket as scorers see it: its need, and what distinguishes it from others with that need.

    `former_agent` had the ticket before, `familiar_agent` served the same requester last.
    `preferred` are (skill, level) pairs that are wished for and not required.
    """

    id: str
    need: Need
    priority: Priority
    created_at: datetime
    due_at: datetime
    category: str | None = None
    channel: Channel = Channel.API
    preferred: tuple[tuple[str, int], ...] = ()
    former_agent: str | None = None
    familiar_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What is true for a whole batch: the moment, the supply of skills, what is usual.

    `supply` counts the agents who have a skill, `usual` is the performance over all agents by
    category (the empty one: all), `seed` makes random choices repeatable.
    """

    now: datetime
    supply: Mapping[str, int] = field(default_factory=dict)
    usual: Mapping[str, Performance] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Routed:
    """A ticket after the rules: its need, its priority and which rules had a say.

    `preferred` are (skill, level) pairs that are good to have and `drops` (skill, seconds) pairs:
    after so long a wait the need of that skill is dropped; both in the order of their names. `tags`
    are those to be added. `urgency`, `sla_policy` and `profile` are None if no rule sets them.
    `delay` is how many seconds the ticket stays unrouted. `looked_at` are the ticket's fields that
    the rules asked looked at, `errors` what rules could not say, and why.
    """

    need: Need
    priority: Priority
    fired: tuple[str, ...]
    preferred: tuple[tuple[str, int], ...] = ()
    drops: tuple[tuple[str, int], ...] = ()
    tags: tuple[str, ...] = ()
    urgency: Level | None = None
    sla_policy: str | None = None
    profile: str | None = None
    delay: int = 0
    looked_at: frozenset[str] = frozenset()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate who passed every filter: the scores before weighting, and the weighted sum."""

    candidate: Candidate
    scores: Mapping[str, float]
    total: float


@dataclass(frozen=True, slots=True)
class Rejection:
    """The candidates that one filter stopped for one reason; `agent_ids` names some of them."""

    filter: str
    reason: str
    count: int
    agent_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome for one ticket: who passed, the best first, and everybody else.

    `passed` counts everybody who passed; `ranking` holds those of them who were scored. `winner`
    is who gets the ticket, None means that it waits.
    """

    ranking: tuple[Scored, ...]
    rejections: tuple[Rejection, ...]
    passed: int
    winner: Candidate | None

    @property
    def reason(self) -> str:
        """Why nobody gets it, in one line; the most frequent reason first."""
        if self.passed:
            return "everybody who could take it got another ticket of the same batch"
        if not self.rejections:
            return "there are no agents"
        counted = sorted(self.rejections, key=lambda r: -r.count)
        return "; ".join(f"{r.reason} ({r.count})" for r in counted)


def document_of(need: Need) -> dict[str, Any]:
    """Return a need as plain data, as it is kept with waiting tickets and in decisions."""
    return {
        "team": need.team,
        "skills": [list(pair) for pair in need.skills],
        "language": need.language,
        "overflow": list(need.overflow),
        "tags": list(need.tags),
        "excluded": list(need.excluded),
        "weight": need.weight,
        "profile": need.profile,
    }


def need_of(document: Mapping[str, Any]) -> Need:
    """Return the need that `document_of` wrote; raises TypeError, KeyError, ValueError if not."""
    return Need(
        team=document["team"],
        skills=tuple((skill, int(level)) for skill, level in document["skills"]),
        language=document["language"],
        overflow=tuple(document["overflow"]),
        tags=tuple(document["tags"]),
        excluded=tuple(document["excluded"]),
        weight=int(document["weight"]),
        profile=document["profile"],
    )
