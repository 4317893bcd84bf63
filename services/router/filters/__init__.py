"""Filters say who cannot take a ticket, and why. They are pure and asked in this order."""

from services.router.filters.base import Filter
from services.router.filters.capacity import CapacityFilter
from services.router.filters.presence import PresenceFilter
from services.router.filters.skills import SkillsFilter
from services.router.filters.team import TeamFilter

FILTERS: tuple[Filter, ...] = (TeamFilter(), SkillsFilter(), PresenceFilter(), CapacityFilter())

__all__ = ["FILTERS", "Filter"]
