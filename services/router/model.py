"""The values that routing works on: what a ticket needs and who could serve it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.domain.agent import Presence
from shared.domain.ticket import Level, Priority


@dataclass(frozen=True, slots=True)
class Need:
    """What a ticket requires of an agent. Tickets with equal needs are the same to all filters.

    `skills` are (skill, level) pairs in the order of their names.
    """

    team: str | None
    skills: tuple[tuple[str, int], ...]

    @property
    def signature(self) -> str:
        """The need as canonical text: `network|dns:2,vpn:3`."""
        skills = ",".join(f"{skill}:{level}" for skill, level in self.skills)
        return f"{self.team or ''}|{skills}"


@dataclass(slots=True)
class Candidate:
    """An agent as the router sees it. `load` and `idle_since` move while a batch is matched."""

    id: str
    name: str
    email: str
    presence: Presence
    capacity: int
    load: int
    idle_since: datetime
    teams: frozenset[str]
    skills: Mapping[str, int]

    @property
    def room(self) -> int:
        """How much more work fits; never negative."""
        return max(0, self.capacity - self.load)


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
    """The candidates that one filter stopped for one reason."""

    filter: str
    reason: str
    agent_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome for one ticket: everybody who passed, the best first, and everybody else."""

    ranking: tuple[Scored, ...]
    rejections: tuple[Rejection, ...]

    @property
    def winner(self) -> Candidate | None:
        """Who gets the ticket; None means that it waits."""
        return self.ranking[0].candidate if self.ranking else None

    @property
    def reason(self) -> str:
        """Why nobody gets it, in one line; the most frequent reason first."""
        if not self.rejections:
            return "there are no agents"
        counted = sorted(self.rejections, key=lambda r: -len(r.agent_ids))
        return "; ".join(f"{r.reason} ({len(r.agent_ids)})" for r in counted)
