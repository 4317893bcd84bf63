"""Which policies there are and who has which: everything about service levels that people edit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.domain.sla.policy import DEFAULT_POLICY, Policy, default_policy
from shared.domain.ticket import DEFAULT_SCHEME, PriorityScheme


def _built_in() -> dict[str, Policy]:
    return {DEFAULT_POLICY: default_policy()}


@dataclass(frozen=True, slots=True)
class SlaBook:
    """The policies as of a version of the configuration, those that teams name, and priorities.

    There is always a default one: that of the database, or the built-in one.
    """

    version: int = 0
    policies: Mapping[str, Policy] = field(default_factory=_built_in)
    teams: Mapping[str, str] = field(default_factory=dict)
    priorities: PriorityScheme = DEFAULT_SCHEME

    def policy_of(self, ticket: Mapping[str, Any]) -> Policy:
        """Return the policy of a ticket, a row of `tickets`: its rules', its team's or the default.

        A policy that is gone is passed over.
        """
        policies = self.policies
        return (
            policies.get(ticket["sla_policy"] or "")
            or policies.get(self.teams.get(ticket["team"] or "", ""))
            or policies[DEFAULT_POLICY]
        )
