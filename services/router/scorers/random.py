"""Picks by lot, so that the same lot falls again when the decision is made again."""

from hashlib import blake2b

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer

#: A float holds so many bits exactly; with more, the largest hash would round up to 1.
_BITS = 53


class Random(Scorer):
    """A hash of seed, ticket and agent, uniform on [0, 1). There is no generator to share."""

    name = "random"
    personal = True

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return the candidate's lot for the ticket."""
        text = f"{context.seed}|{subject.id}|{candidate.id}"
        digest = blake2b(text.encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> (64 - _BITS)) / (1 << _BITS)
