"""Makes pools: from nothing, or from the one before and the agents that changed since."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from services.router.model import Candidate
from services.router.pool import SHARES, Facts, Pool, share_of
from shared.domain.agent import Presence
from shared.domain.working_time import Schedule

K = TypeVar("K")

#: Weights of tickets for which it is always known who is full; others are counted when asked for.
WEIGHTS = (1, 2, 3)


class PoolBuilder:
    """Holds the sets while agents come, change and go; `pool()` is the picture of now.

    Not safe to share between threads; the pools it makes are.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate] = (),
        business_hours: Mapping[str, Schedule] | None = None,
    ) -> None:
        self._candidates: list[Candidate | None] = []
        self._positions: dict[str, int] = {}
        self._free: list[int] = []
        self._teams: dict[str, int] = {}
        self._skills: dict[tuple[str, int], int] = {}
        self._presences: dict[Presence, int] = {}
        self._speakers: dict[str, int] = {}
        self._conflicts: dict[str, int] = {}
        self._supply: dict[str, int] = {}
        self._polyglots = 0
        self._everyone = 0
        self._business_hours = business_hours or {}
        self._on_calendar = 0
        self._shares = [0] * SHARES
        self._full = dict.fromkeys(WEIGHTS, 0)
        for candidate in candidates:
            self.put(candidate)

    def put(self, candidate: Candidate) -> None:
        """Add an agent, or replace what is known of them."""
        position = self._positions.get(candidate.id)
        if position is None:
            position = self._free.pop() if self._free else len(self._candidates)
            self._positions[candidate.id] = position
            if position == len(self._candidates):
                self._candidates.append(None)
        before = self._candidates[position]
        if before is not None:
            if _alike(before, candidate):
                self._move(position, before, candidate)
                return
            self._forget(position, before)
        self._learn(position, candidate)

    def remove(self, agent_id: str) -> None:
        """Forget an agent."""
        position = self._positions.pop(agent_id, None)
        if position is None:
            return
        before = self._candidates[position]
        if before is not None:
            self._forget(position, before)
        self._candidates[position] = None
        self._free.append(position)

    def get(self, agent_id: str) -> Candidate | None:
        """Return what is known of an agent."""
        position = self._positions.get(agent_id)
        return None if position is None else self._candidates[position]

    def pool(self) -> Pool:
        """Return the agents as they are now."""
        # Where nobody is any more a hole stays; no set has its bit, so nobody ever looks there.
        candidates: list[Candidate] = self._candidates.copy()  # type: ignore[assignment]
        facts = Facts(
            everyone=self._everyone,
            teams=self._teams.copy(),
            skills=self._skills.copy(),
            presences=self._presences.copy(),
            speakers=self._speakers.copy(),
            polyglots=self._polyglots,
            conflicts=self._conflicts.copy(),
            on_calendar=self._on_calendar,
            positions=self._positions.copy(),
            supply=self._supply.copy(),
            business_hours=self._business_hours,
        )
        return Pool(candidates, facts, self._full.copy(), self._shares.copy())

    def _move(self, position: int, before: Candidate, after: Candidate) -> None:
        """Replace an agent of whom only load, times or presence changed: the common case."""
        bit = 1 << position
        if before.presence is not after.presence:
            _unset(self._presences, before.presence, bit)
            _set(self._presences, after.presence, bit)
        old, new = share_of(before), share_of(after)
        if old != new:
            self._shares[old] &= ~bit
            self._shares[new] |= bit
        self._fill(after, bit)
        self._candidates[position] = after

    def _fill(self, candidate: Candidate, bit: int) -> None:
        for weight in WEIGHTS:
            if candidate.load + weight > candidate.capacity:
                self._full[weight] |= bit
            else:
                self._full[weight] &= ~bit

    def _learn(self, position: int, candidate: Candidate) -> None:
        bit = 1 << position
        self._candidates[position] = candidate
        self._everyone |= bit
        self._shares[share_of(candidate)] |= bit
        self._fill(candidate, bit)
        _set(self._presences, candidate.presence, bit)
        for team in candidate.teams:
            _set(self._teams, team, bit)
        for skill, level in candidate.skills.items():
            self._supply[skill] = self._supply.get(skill, 0) + 1
            for reached in range(1, level + 1):
                _set(self._skills, (skill, reached), bit)
        for language in candidate.languages:
            _set(self._speakers, language, bit)
        if not candidate.languages:
            self._polyglots |= bit
        for tag in candidate.conflicts:
            _set(self._conflicts, tag, bit)
        if candidate.shift is not None:
            self._on_calendar |= bit

    def _forget(self, position: int, candidate: Candidate) -> None:
        bit = 1 << position
        self._everyone &= ~bit
        self._polyglots &= ~bit
        self._on_calendar &= ~bit
        self._shares[share_of(candidate)] &= ~bit
        for weight in WEIGHTS:
            self._full[weight] &= ~bit
        _unset(self._presences, candidate.presence, bit)
        for team in candidate.teams:
            _unset(self._teams, team, bit)
        for skill, level in candidate.skills.items():
            self._supply[skill] -= 1
            for reached in range(1, level + 1):
                _unset(self._skills, (skill, reached), bit)
        for language in candidate.languages:
            _unset(self._speakers, language, bit)
        for tag in candidate.conflicts:
            _unset(self._conflicts, tag, bit)


def pool_of(candidates: Sequence[Candidate]) -> Pool:
    """Return a pool of just these candidates."""
    return PoolBuilder(candidates).pool()


def _alike(before: Candidate, after: Candidate) -> bool:
    return (
        before.teams == after.teams
        and before.skills == after.skills
        and before.languages == after.languages
        and before.conflicts == after.conflicts
        and (before.shift is None) == (after.shift is None)
    )


def _set(sets: dict[K, int], key: K, bit: int) -> None:
    sets[key] = sets.get(key, 0) | bit


def _unset(sets: dict[K, int], key: K, bit: int) -> None:
    left = sets[key] & ~bit
    if left:
        sets[key] = left
    else:
        del sets[key]
