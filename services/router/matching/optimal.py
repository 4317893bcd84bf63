"""Optimal matching: as many tickets as can be, the most urgent first, then the best total score."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from services.router.matching.base import Matcher
from services.router.matching.greedy import GreedyMatcher
from services.router.matching.slots import Slot, SlotScores, scored_in
from services.router.matching.table import MatchingTable, Wanted
from services.router.model import Candidate, Choice, Context, Scored
from services.router.pool import loaded


class OptimalMatcher(Matcher):
    """Looks at the whole batch at once, by the assignment problem of tickets and slots.

    It serves in this order of importance: the largest number of tickets; of equally many the more
    urgent (the first in the order given, then the second, …); with as many as can be going
    to the agent they prefer; and of those the highest total score, each slot of an agent scored
    with the load that the slots before it bring (`slots`).

    One linear assignment does it all. The sets of tickets that can be served together form a
    matroid (transversal: Edmonds & Fulkerson, Journal of Research NBS 69B, 1965), and in a matroid
    the best set by any weights that fall from ticket to ticket is also the largest one and the
    first one in order. So ticket `i` of `n` is worth `(n - i) * S` besides its score, where `S` is
    above all scores and preferences together; a forbidden pair is worth nothing, like a ticket that
    nobody gets.

    That is exact where all tickets weigh the same. Otherwise an agent's room is shared out by the
    lightest, what does not fit is matched again, and greedy's answer is taken if it is better.
    """

    name = "optimal"

    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        """Return one choice for each ticket."""
        if len({ticket.subject.need.weight for ticket in wanted}) <= 1:
            return _match(table, wanted)
        best = max(
            _match(table.fork(), wanted), GreedyMatcher().match(table.fork(), wanted), key=_worth
        )
        for ticket, choice in zip(wanted, best, strict=True):
            if choice.winner is not None:
                table.take(choice.winner, ticket)
        return best


def _worth(choices: Sequence[Choice]) -> tuple[int, list[bool], float]:
    served = [choice.winner is not None for choice in choices]
    totals = [
        scored.total
        for choice in choices
        for scored in choice.ranking
        if choice.winner is not None and scored.candidate.id == choice.winner.id
    ]
    return sum(served), served, sum(totals)


def _match(table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
    """Match in rounds, until nobody is left for those who are left; mostly one does it."""
    choices: dict[int, Choice] = {}
    left = list(range(len(wanted)))
    while left:
        for i in left:
            choices[i] = table.choose(wanted[i], tickets=len(left))
        placed = _Round(table, {i: (wanted[i], choices[i]) for i in left}).place()
        if not placed:
            break
        choices.update(placed)
        left = [i for i in left if i not in placed]
    return [choices[i] for i in range(len(wanted))]


class _Round:
    """One assignment of tickets, by their numbers, to the agents in their rankings."""

    def __init__(self, table: MatchingTable, asked: Mapping[int, tuple[Wanted, Choice]]) -> None:
        self._table = table
        self._asked = asked
        self._tickets = list(asked)
        self._ranked = {
            i: {scored.candidate.id: scored for scored in choice.ranking}
            for i, (_, choice) in asked.items()
        }
        self._room = self._rooms()

    def place(self) -> dict[int, Choice]:
        """Take in the table whom the tickets get, and return the choices of those who get one."""
        given: dict[str, Candidate] = {}
        placed: dict[int, Choice] = {}
        context = self._table.context
        for i, slot in sorted(self._solve().items()):
            wanted, choice = self._asked[i]
            scored = self._ranked[i][slot.agent_id]
            now = given.get(slot.agent_id, scored.candidate)
            if _stopped(now, wanted, context):
                continue
            winner = scored_in(slot, wanted, self._ranked[i], context)
            self._table.take(winner.candidate, wanted)
            placed[i] = _won(choice, winner)
            given[slot.agent_id] = loaded(now, wanted.subject.need.weight, context.now)
        return placed

    def _solve(self) -> dict[int, Slot]:
        """Return the slot of each ticket that gets one.

        Agents begin with few slots. Who used all gets twice as many and it is solved anew; a slot
        that is not used would be no better with another one behind it.
        """
        if not self._room:
            return {}
        few = 1 + len(self._tickets) // len(self._room)
        counts = {agent_id: min(room, few) for agent_id, room in self._room.items()}
        while True:
            slots = [Slot(agent_id, taken) for agent_id, n in counts.items() for taken in range(n)]
            solved = self._assign(slots)
            used = Counter(slot.agent_id for slot in solved.values())
            scarce = [a for a, n in counts.items() if n < self._room[a] and used[a] == n]
            if not scarce:
                return solved
            for agent_id in scarce:
                counts[agent_id] = min(self._room[agent_id], 2 * counts[agent_id])

    def _assign(self, slots: Sequence[Slot]) -> dict[int, Slot]:
        scores = SlotScores(slots, self._table.context)
        totals = np.array([scores.row(self._asked[i][0], self._ranked[i]) for i in self._tickets])
        allowed = ~np.isnan(totals)
        count = len(self._tickets)
        preference = 1.0 + count * float(totals.max(where=allowed, initial=0.0))
        for row, i in enumerate(self._tickets):
            preferred = self._asked[i][0].prefer
            if preferred is not None:
                totals[row] += preference * np.array([slot.agent_id == preferred for slot in slots])
        step = 1.0 + count * float(totals.max(where=allowed, initial=0.0))
        urgency = step * np.arange(count, 0, -1)[:, np.newaxis]
        worth = np.where(allowed, totals + urgency, 0.0)
        rows, columns = linear_sum_assignment(worth, maximize=True)
        return {
            self._tickets[row]: slots[column]
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if allowed[row, column]
        }

    def _rooms(self) -> dict[str, int]:
        """Return how many tickets each agent could get, at most as many as ask for them."""
        lightest = min(wanted.subject.need.weight for wanted, _ in self._asked.values())
        asking: dict[str, int] = {}
        room: dict[str, int] = {}
        for ranked in self._ranked.values():
            for agent_id, scored in ranked.items():
                asking[agent_id] = asking.get(agent_id, 0) + 1
                room[agent_id] = scored.candidate.room // lightest
        return {a: min(room[a], asking[a]) for a in sorted(room) if room[a] > 0}


def _stopped(candidate: Candidate, wanted: Wanted, context: Context) -> bool:
    """Tell whether the tickets of this round stop a candidate from taking another one."""
    need = wanted.subject.need
    return candidate.room < need.weight or any(
        filter_.moves and filter_.reject(need, candidate, context) is not None
        for filter_ in wanted.pipeline.filters
    )


def _won(choice: Choice, winner: Scored) -> Choice:
    """Return a choice with its winner, who is ranked with the load they have by then."""
    ranking = [s for s in choice.ranking if s.candidate.id != winner.candidate.id]
    ranking.append(winner)
    ranking.sort(key=lambda scored: (-scored.total, scored.candidate.id))
    return replace(choice, ranking=tuple(ranking), winner=winner.candidate)
