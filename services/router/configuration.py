"""Everything that routing depends on and that changes only when somebody edits it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.router.matching import Fault
from services.router.model import DEFAULT_PROFILE
from services.router.rules import RuleSet
from services.router.strategy import Strategy
from services.router.team_policy import TeamPolicy
from shared.domain.sla import SlaBook

_NO_POLICY = TeamPolicy()


@dataclass(frozen=True, slots=True)
class Configuration:
    """Rules, teams, profiles and service levels as of a version."""

    version: int
    rules: RuleSet
    policies: Mapping[str, TeamPolicy]
    strategies: Mapping[str, Strategy]
    service_levels: SlaBook = field(default_factory=SlaBook)

    def policy(self, team: str | None) -> TeamPolicy:
        """Return what a team decided; tickets without a team go by the defaults."""
        return self.policies.get(team or "", _NO_POLICY)

    def strategy(self, profile: str) -> Strategy:
        """Return the strategy of a profile; of one that is gone, the default's."""
        return self.strategies.get(profile) or self.strategies[DEFAULT_PROFILE]

    def without(self, fault: Fault) -> "Configuration":
        """Return the configuration with a plugin that failed left out of every strategy."""
        kept = {name: strategy.without(fault) for name, strategy in self.strategies.items()}
        return replace(self, strategies=kept)
