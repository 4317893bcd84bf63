"""Scorers say how well somebody suits, from 0 (worst) to 1 (best); profiles weigh them."""

from services.router.scorers.base import Scorer

__all__ = ["Scorer"]
