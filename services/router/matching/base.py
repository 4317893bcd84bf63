"""What a matcher is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from services.router.matching.table import MatchingTable, Wanted
from services.router.model import Choice


class Matcher(ABC):
    """Brings the tickets of a batch and the candidates of a table together. Pure."""

    name: ClassVar[str]

    @abstractmethod
    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        """Return one choice for each ticket, in the order given, the most urgent first.

        Winners are counted in the table (`table.take`), so that a matcher which comes after this
        one sees their new loads. A choice whose winner is not the best of its ranking is fine.
        """
