"""Strategies: profiles with every plugin loaded, built once for each version of a profile.

A plugin that cannot be loaded or does not take its options is left out, and each decision says so;
a team keeps being served while somebody mends a package.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from services.router.filters import Filter
from services.router.guard import GuardedFilter, GuardedMatcher, GuardedOrder, GuardedScorer, told
from services.router.matching import Fault, Matcher, Pipeline
from services.router.matching.greedy import GreedyMatcher
from services.router.orders import Order
from services.router.orders.earliest_deadline import EarliestDeadline
from services.router.profile import Profile
from services.router.scorers import Scorer
from services.router.watchdog import Watchdog
from shared.plugins import PluginKind, installed

P = TypeVar("P")

_BASES: dict[PluginKind, type[Any]] = {
    PluginKind.FILTER: Filter,
    PluginKind.SCORER: Scorer,
    PluginKind.MATCHER: Matcher,
    PluginKind.ORDER: Order,
}


@dataclass(frozen=True, slots=True)
class Strategy:
    """What decides for the tickets of a profile: the pipeline, the matcher and the order."""

    pipeline: Pipeline
    matcher: Matcher
    order: Order

    @property
    def profile(self) -> Profile:
        """The profile it was made from."""
        return self.pipeline.profile

    def uses(self, scorer: str) -> bool:
        """Tell whether a scorer has a say."""
        return any(each.name == scorer for each, _ in self.pipeline.scorers)

    def without(self, fault: Fault) -> "Strategy":
        """Return the strategy without a plugin that failed."""
        noted = replace(self.pipeline, faults=(*self.pipeline.faults, fault))
        if fault.kind == PluginKind.MATCHER and fault.plugin == self.matcher.name:
            return replace(self, matcher=GreedyMatcher(), pipeline=noted)
        if fault.kind == PluginKind.ORDER and fault.plugin == self.order.name:
            return replace(self, order=EarliestDeadline(), pipeline=noted)
        return replace(self, pipeline=self.pipeline.without(fault))


class StrategyBuilder:
    """Builds strategies; plugins of others are guarded if there is a watchdog."""

    def __init__(self, watchdog: Watchdog | None = None) -> None:
        self._watchdog = watchdog

    def build(self, profile: Profile) -> Strategy:
        """Return the strategy of a profile; what is missing of it is among its faults."""
        faults: list[Fault] = []

        def load(kind: PluginKind, name: str, guard: Callable[[Any, str, Watchdog], P]) -> P | None:
            return self._load(kind, name, profile.options.get(name, {}), guard, faults)

        filters = [load(PluginKind.FILTER, name, GuardedFilter) for name in profile.filters]
        scorers = [
            (load(PluginKind.SCORER, name, GuardedScorer), weight)
            for name, weight in profile.scorers.items()
            if weight > 0
        ]
        matcher: Matcher | None = load(PluginKind.MATCHER, profile.matcher, GuardedMatcher)
        order: Order | None = load(PluginKind.ORDER, profile.order, GuardedOrder)
        pipeline = Pipeline(
            profile,
            tuple(filter_ for filter_ in filters if filter_ is not None),
            tuple((scorer, weight) for scorer, weight in scorers if scorer is not None),
            tuple(faults),
        )
        return Strategy(pipeline, matcher or GreedyMatcher(), order or EarliestDeadline())

    def _load(
        self,
        kind: PluginKind,
        name: str,
        options: Mapping[str, Any],
        guard: Callable[[Any, str, Watchdog], P],
        faults: list[Fault],
    ) -> P | None:
        found = installed(kind).get(name)
        if found is None:
            faults.append(Fault(kind, name, "is not installed"))
            return None
        try:
            plugin: P = found.entry_point.load()(**options)
            if not isinstance(plugin, _BASES[kind]):
                raise TypeError(f"{type(plugin).__name__} is no {_BASES[kind].__name__}")  # noqa: TRY301
            if found.own or self._watchdog is None:
                return plugin
            return guard(plugin, name, self._watchdog)
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a stranger's code does
            faults.append(Fault(kind, name, told(error)))
            return None
