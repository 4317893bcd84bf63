"""What a filter is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from services.router.model import Candidate, Context, Need
from services.router.pool import Pool


class Filter(ABC):
    """Decides whether a candidate may take a ticket at all. Pure: values in, values out.

    `moves` says whether the answer can change while a batch is being matched (because loads do);
    the others are asked once for each need, not once for each ticket. Options of a profile arrive
    as keyword arguments of the constructor.
    """

    name: ClassVar[str]
    moves: ClassVar[bool] = False

    @abstractmethod
    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return the reason why not, in words a person understands; None lets pass."""

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Return (reason, whom it stops) for a set of agents; the same answers as `reject`.

        Override it only for speed; `among` is a set of positions, see `services.router.pool`.
        """
        return self._one_by_one(need, pool, among, context).items()

    def _one_by_one(self, need: Need, pool: Pool, among: int, context: Context) -> dict[str, int]:
        found: dict[str, int] = {}
        for candidate in pool.members(among):
            reason = self.reject(need, candidate, context)
            if reason is not None:
                bit = 1 << pool.facts.positions[candidate.id]
                found[reason] = found.get(reason, 0) | bit
        return found


def some(*answers: tuple[str, int]) -> Iterator[tuple[str, int]]:
    """Return the answers that stop anybody."""
    return (answer for answer in answers if answer[1])
