"""Service levels in memory: read again only when the configuration's version has moved.

Every ticket that is made or changed is measured by them, so they cannot cost a query each time.
Whoever reads the version anyway, as the router does for each batch, says so; others have it looked
at once in a second, and a policy is in force everywhere a second after it was stored.
"""

import threading
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from shared.db.models import ConfigurationVersion, SlaPolicy, SlaPolicyVersion, Team
from shared.db.models.base import table
from shared.domain.sla import Policy, SlaBook, default_policy, policy_of
from shared.domain.ticket import Level, Priority, PriorityScheme, Severity

#: For how long the version of the configuration is believed.
REMEMBER_S = 1.0

_POLICIES, _POLICY_VERSIONS = table(SlaPolicy), table(SlaPolicyVersion)
_TEAMS, _VERSIONS = table(Team), table(ConfigurationVersion)


class ServiceLevels:
    """The service levels of one database. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._book: SlaBook | None = None
        self._until = 0.0

    def book(self, connection: Connection) -> SlaBook:
        """Return what was in force a second ago or later."""
        book = self._book
        if book is not None and monotonic() < self._until:
            return book
        version = connection.execute(select(_VERSIONS.c.version)).scalar_one()
        return self.book_of(connection, version)

    def book_of(self, connection: Connection, version: int) -> SlaBook:
        """Return what is in force with a version of the configuration that was just read."""
        with self._lock:
            if self._book is None or self._book.version != version:
                self._book = _read(connection, version)
            self._until = monotonic() + REMEMBER_S
            return self._book

    def forget(self) -> None:
        """Have the version looked at anew: whoever changes something here sees it at once."""
        self._until = 0.0


def versions_of(
    connection: Connection, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], Policy]:
    """Return policies by name and version, also of versions that are in force no more."""
    names = {name for name, _ in wanted}
    query = select(_POLICY_VERSIONS).where(_POLICY_VERSIONS.c.name.in_(names))
    built_in = default_policy()
    found = {(built_in.name, built_in.version): built_in}
    for row in connection.execute(query).mappings():
        if (row["name"], row["version"]) in wanted:
            found[row["name"], row["version"]] = _policy(row)
    return {key: found[key] for key in wanted if key in found}


def scheme_of(document: Mapping[str, Any]) -> PriorityScheme:
    """Return the priorities that a stored document of `shared.schemas.priority` describes."""
    return PriorityScheme(
        {
            (Level(impact), Level(urgency)): Priority(priority)
            for impact, row in document["matrix"].items()
            for urgency, priority in row.items()
        },
        {Severity(key): Priority(priority) for key, priority in document["severity"].items()},
    )


def _read(connection: Connection, version: int) -> SlaBook:
    current = select(_POLICY_VERSIONS).join(
        _POLICIES,
        (_POLICIES.c.name == _POLICY_VERSIONS.c.name)
        & (_POLICIES.c.version == _POLICY_VERSIONS.c.version),
    )
    built_in = default_policy()
    policies = {built_in.name: built_in}
    policies |= {row["name"]: _policy(row) for row in connection.execute(current).mappings()}
    named = select(_TEAMS.c.name, _TEAMS.c.sla_policy).where(_TEAMS.c.sla_policy.is_not(None))
    priorities = connection.execute(select(_VERSIONS.c.priorities)).scalar_one()
    return SlaBook(
        version,
        policies,
        {row.name: row.sla_policy for row in connection.execute(named)},
        PriorityScheme() if priorities is None else scheme_of(priorities),
    )


def _policy(row: RowMapping) -> Policy:
    return policy_of(row["name"], row["version"], row["document"], row["calendar"])
