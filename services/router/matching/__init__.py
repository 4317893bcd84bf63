"""Matching brings the tickets of a batch and the candidates together."""

from services.router.matching.base import Matcher
from services.router.matching.pipeline import Fault, Pipeline
from services.router.matching.table import MatchingTable, Wanted

__all__ = ["Fault", "Matcher", "MatchingTable", "Pipeline", "Wanted"]
