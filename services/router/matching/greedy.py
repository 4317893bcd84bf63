"""Greedy matching: the most urgent ticket takes the best candidate, then the next one."""

from collections.abc import Mapping, Sequence

from services.router.matching.table import MatchingTable
from services.router.model import Choice, Need

#: What one ticket adds to its agent's load.
TICKET_WEIGHT = 1


class GreedyMatcher:
    """Serves tickets in the order given; never reconsiders."""

    name = "greedy"

    def match(
        self, table: MatchingTable, wanted: Sequence[tuple[Need, Mapping[str, float]]]
    ) -> list[Choice]:
        """Return one choice for each (need, weights); winners' loads are counted in the table."""
        choices = []
        for need, weights in wanted:
            choice = table.choose(need, weights)
            if choice.winner is not None:
                table.take(choice.winner, TICKET_WEIGHT)
            choices.append(choice)
        return choices
