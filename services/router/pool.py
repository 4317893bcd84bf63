"""The agents of a moment, arranged so that thousands of them are filtered at once.

Each agent has a position; a set of agents is a Python integer with one bit a position. Who has a
skill, is in a team or is online is one such set, so a filter is an AND of integers: a microsecond
for ten thousand agents.

A pool belongs to one batch. Loads move in it while the batch is matched; everything else stays as
it was when the batch began, and is shared with the index that made the pool.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.router.model import Candidate
from shared.domain.agent import Presence
from shared.domain.working_time import Schedule

#: Shares of free capacity in which agents are grouped, for a short list of those with most room.
SHARES = 8


@dataclass(frozen=True, slots=True)
class Facts:
    """Sets of positions by property: what does not move while a batch is matched.

    `skills` holds, for (skill, level), who has the skill at that level or above; `polyglots` are
    those who named no language; `on_calendar` those who have working hours; `supply` counts who
    has a skill. `business_hours` are those of the teams that have any.
    """

    everyone: int
    teams: Mapping[str, int]
    skills: Mapping[tuple[str, int], int]
    presences: Mapping[Presence, int]
    speakers: Mapping[str, int]
    polyglots: int
    conflicts: Mapping[str, int]
    on_calendar: int
    positions: Mapping[str, int]
    supply: Mapping[str, int]
    business_hours: Mapping[str, Schedule] = field(default_factory=dict)


class Pool:
    """Candidates by position with their facts, and with loads that move.

    `full` holds, for a weight, who has no room for it; `shares` groups agents by the free share of
    their capacity, the last group being the freest.
    """

    def __init__(
        self,
        candidates: list[Candidate],
        facts: Facts,
        full: dict[int, int],
        shares: list[int],
    ) -> None:
        self.candidates = candidates
        self.facts = facts
        self._full = full
        self.shares = shares

    def full(self, weight: int) -> int:
        """Return who has no room for a weight."""
        found = self._full.get(weight)
        if found is None:
            found = 0
            for candidate in self.members(self.facts.everyone):
                if candidate.load + weight > candidate.capacity:
                    found |= 1 << self.facts.positions[candidate.id]
            self._full[weight] = found
        return found

    def named(self, agent_ids: Sequence[str]) -> int:
        """Return the set of these agents, as far as they are here."""
        found = 0
        for agent_id in agent_ids:
            position = self.facts.positions.get(agent_id)
            if position is not None:
                found |= 1 << position
        return found

    def members(self, positions: int) -> Iterator[Candidate]:
        """Return the candidates of a set, in the order of their positions."""
        for position in bits(positions):
            yield self.candidates[position]

    def copy(self) -> "Pool":
        """Return a pool whose loads move on their own."""
        return Pool(self.candidates.copy(), self.facts, self._full.copy(), self.shares.copy())

    def put(self, after: Candidate) -> None:
        """Replace what is known of an agent's load and times."""
        position = self.facts.positions[after.id]
        before, bit = self.candidates[position], 1 << position
        self.candidates[position] = after
        for weight, full in self._full.items():
            fits = after.load + weight <= after.capacity
            self._full[weight] = full & ~bit if fits else full | bit
        self.shares[share_of(before)] &= ~bit
        self.shares[share_of(after)] |= bit

    def take(self, agent_id: str, weight: int, now: datetime) -> None:
        """Count a ticket that was just given to an agent."""
        before = self.candidates[self.facts.positions[agent_id]]
        self.put(loaded(before, weight, now))


def bits(positions: int) -> Iterator[int]:
    """Return the positions in a set, lowest first.

    It goes word by word: an operation on the whole set for each position would cost as much as the
    pool is large.
    """
    count = (positions.bit_length() + 63) // 64
    base = -1
    for word in struct.unpack(f"<{count}Q", positions.to_bytes(8 * count, "little")):
        left = word
        while left:
            lowest = left & -left
            yield base + lowest.bit_length()
            left ^= lowest
        base += 64


def loaded(candidate: Candidate, weight: int, now: datetime) -> Candidate:
    """Return a candidate who was just given a ticket of this weight."""
    return replace(candidate, load=candidate.load + weight, idle_since=now, assigned_at=now)


def share_of(candidate: Candidate) -> int:
    """Return the group of a candidate's free share: 0 for full to SHARES - 1 for empty."""
    if candidate.capacity <= 0:
        return 0
    return candidate.room * (SHARES - 1) // candidate.capacity
