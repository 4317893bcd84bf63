"""Slots: an agent with room for several tickets, seen as several with room for one each.

The score in an agent's second slot is the one that they would have with a ticket more. Only what
moves is scored again, and what is not personal only once for each need.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.router.matching.table import Wanted
from services.router.model import Candidate, Context, Need, Scored
from services.router.pool import loaded


class Slot(NamedTuple):
    """The place of an agent who has got so many tickets of the batch before."""

    agent_id: str
    taken: int


class SlotScores:
    """The scores of tickets in slots: one column a slot."""

    def __init__(self, slots: Sequence[Slot], context: Context) -> None:
        self._slots = slots
        self._context = context
        self._agents = list(dict.fromkeys(slot.agent_id for slot in slots))
        places = {agent_id: place for place, agent_id in enumerate(self._agents)}
        self._place = np.array([places[slot.agent_id] for slot in slots], dtype=np.intp)
        self._later = [(place, slot) for place, slot in enumerate(slots) if slot.taken > 0]
        self._changes: dict[Need, NDArray[np.float64]] = {}
        self._loaded: dict[tuple[Slot, int], Candidate] = {}

    def row(self, wanted: Wanted, ranked: Mapping[str, Scored]) -> NDArray[np.float64]:
        """Return the total in each slot; not a number where the agent is not ranked."""
        totals = np.array([_total(ranked.get(agent_id)) for agent_id in self._agents])
        row: NDArray[np.float64] = totals[self._place]
        need = wanted.subject.need
        changes = self._changes.get(need)
        if changes is None:
            changes = self._changes[need] = self._change(wanted, ranked, personal=False)
        row += changes
        if any(scorer.moves and scorer.personal for scorer, _ in wanted.pipeline.scorers):
            row += self._change(wanted, ranked, personal=True)
        return row

    def _change(
        self, wanted: Wanted, ranked: Mapping[str, Scored], *, personal: bool
    ) -> NDArray[np.float64]:
        """Return by how much the total in each slot differs from that in the agent's first."""
        changes = np.zeros(len(self._slots))
        scorers = [s for s in wanted.pipeline.scorers if s[0].moves and s[0].personal is personal]
        for place, slot in self._later if scorers else ():
            scored = ranked.get(slot.agent_id)
            if scored is not None:
                after = self._after(slot, wanted, scored)
                for scorer, counts in scorers:
                    value = scorer.score(wanted.subject, after, self._context)
                    changes[place] += counts * (value - scored.scores[scorer.name])
        return changes

    def _after(self, slot: Slot, wanted: Wanted, scored: Scored) -> Candidate:
        """Return an agent as they would be in a slot, the same object for all tickets."""
        weight = slot.taken * wanted.subject.need.weight
        after = self._loaded.get((slot, weight))
        if after is None:
            after = loaded(scored.candidate, weight, self._context.now)
            self._loaded[slot, weight] = after
        return after


def scored_in(slot: Slot, wanted: Wanted, ranked: Mapping[str, Scored], context: Context) -> Scored:
    """Return the agent of a slot with the load and the scores that they have in it."""
    scored = ranked[slot.agent_id]
    if slot.taken == 0:
        return scored
    after = loaded(scored.candidate, slot.taken * wanted.subject.need.weight, context.now)
    scores = dict(scored.scores)
    for scorer, _ in wanted.pipeline.scorers:
        if scorer.moves:
            scores[scorer.name] = scorer.score(wanted.subject, after, context)
    total = sum(counts * scores[scorer.name] for scorer, counts in wanted.pipeline.scorers)
    return Scored(after, scores, total)


def _total(scored: Scored | None) -> float:
    return float("nan") if scored is None else scored.total
