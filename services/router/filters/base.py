"""What a filter is."""

from typing import Protocol

from services.router.model import Candidate, Need


class Filter(Protocol):
    """Decides whether a candidate may take a ticket at all.

    `moves` says whether the answer can change while a batch is being matched (because loads do);
    the others are asked once for each need and candidate, not once for each ticket.
    """

    name: str
    moves: bool

    def reject(self, need: Need, candidate: Candidate) -> str | None:
        """Return the reason why not, in words a person understands; None lets pass."""
        ...
