"""Greedy matching: the most urgent ticket takes the best candidate, then the next one."""

from collections.abc import Sequence

from services.router.matching.base import Matcher
from services.router.matching.table import MatchingTable, Wanted
from services.router.model import Choice


class GreedyMatcher(Matcher):
    """Serves tickets in the order given; never reconsiders."""

    name = "greedy"

    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        """Return one choice for each ticket."""
        choices = []
        for ticket in wanted:
            choice = table.choose(ticket)
            if choice.winner is not None:
                table.take(choice.winner, ticket)
            choices.append(choice)
        return choices
