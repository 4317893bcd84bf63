"""Scorers say how well somebody suits, from 0 (worst) to 1 (best); teams weigh them."""

from services.router.scorers.base import Scorer
from services.router.scorers.least_loaded import LeastLoaded
from services.router.scorers.longest_idle import LongestIdle
from services.router.scorers.skill_fit import SkillFit

SCORERS: tuple[Scorer, ...] = (LeastLoaded(), LongestIdle(), SkillFit())

__all__ = ["SCORERS", "Scorer"]
