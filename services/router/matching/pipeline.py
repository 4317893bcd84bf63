"""A profile with its filters and scorers in place: what decides for one ticket."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.router.filters import Filter
from services.router.profile import Profile
from services.router.scorers import Scorer
from shared.plugins import PluginKind


@dataclass(frozen=True, slots=True)
class Fault:
    """A plugin that was left out of a decision, and why."""

    kind: str
    plugin: str
    error: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Filters in order, and scorers with their weights; `faults` says what is missing of them."""

    profile: Profile
    filters: tuple[Filter, ...]
    scorers: tuple[tuple[Scorer, float], ...]
    faults: tuple[Fault, ...] = ()

    def only(self, keep: Callable[[str], bool]) -> "Pipeline":
        """Return the pipeline with those filters whose names are to be kept."""
        return replace(self, filters=tuple(f for f in self.filters if keep(f.name)))

    def without(self, fault: Fault) -> "Pipeline":
        """Return the pipeline without a plugin that failed; unchanged if it is not in here."""
        filters, scorers = self.filters, self.scorers
        if fault.kind == PluginKind.FILTER:
            filters = tuple(f for f in filters if f.name != fault.plugin)
        if fault.kind == PluginKind.SCORER:
            scorers = tuple(s for s in scorers if s[0].name != fault.plugin)
        if len(filters) == len(self.filters) and len(scorers) == len(self.scorers):
            return self
        return replace(self, filters=filters, scorers=scorers, faults=(*self.faults, fault))
