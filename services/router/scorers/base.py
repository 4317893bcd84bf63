"""What a scorer is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from services.router.model import Candidate, Context, Subject


class Scorer(ABC):
    """Rates a candidate who passed every filter. Pure: values in, values out.

    `moves` says that the answer can change while a batch is matched (because loads and idle times
    do), `personal` that it depends on more of the ticket than its need. A scorer that is neither is
    asked once for each need and candidate of a batch. Options of a profile arrive as keyword
    arguments of the constructor.
    """

    name: ClassVar[str]
    moves: ClassVar[bool] = False
    personal: ClassVar[bool] = False

    @abstractmethod
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return a number from 0 (worst) to 1 (best)."""
