"""Matching brings the tickets of a batch and the candidates together."""

from services.router.matching.greedy import GreedyMatcher
from services.router.matching.table import MatchingTable

__all__ = ["GreedyMatcher", "MatchingTable"]
