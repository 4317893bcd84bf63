"""Filters say who cannot take a ticket, and why. They are pure, one a file, entry points."""

from services.router.filters.base import Filter

__all__ = ["Filter"]
