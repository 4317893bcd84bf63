"""The names that tickets and rules may refer to, kept in memory for a moment.

A ticket that names an unknown team is refused at the door, not parked for ever. Looking the names
up for every ticket would cost more than storing it; so they are remembered for a second, and looked
up anew before anything is refused.
"""

import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from services.intake import repository
from shared.db.engine import Database
from shared.domain.errors import FieldError, InvalidInput

REMEMBER_S = 1.0

_REFERRING = ("team", "required_skills", "preferred_skills", "profile", "sla_policy")


class ReferenceData:
    """Knows which teams, skills, calendars, profiles and SLA policies there are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = threading.Lock()
        self._until = 0.0
        self._teams: frozenset[str] = frozenset()
        self._skills: frozenset[str] = frozenset()
        self._calendars: frozenset[str] = frozenset()
        self._profiles: frozenset[str] = frozenset()
        self._sla_policies: frozenset[str] = frozenset()

    def require(self, content: Mapping[str, Any]) -> None:
        """Raise InvalidInput if a ticket, or what a rule does, names what does not exist."""
        if not any(content.get(name) for name in _REFERRING):
            return
        # While one thread reads, the others need not: what they do not find is read anyway.
        if monotonic() > self._until and not self._reading.locked():
            self.refresh()
        if self._unknown(content):
            self._read()
        errors = self._unknown(content)
        if errors:
            message = "The ticket refers to what does not exist."
            raise InvalidInput(message, errors)

    def refresh(self) -> None:
        """Read the names anew if they were read a while ago; for `unknown`."""
        with self._reading:
            if monotonic() > self._until:
                self._read()

    def unknown(self, content: Mapping[str, Any]) -> list[FieldError]:
        """Return what a ticket names that did not exist at the last `refresh`.

        For many tickets at once: a file full of wrong names costs no look for each of them.
        """
        if not any(content.get(name) for name in _REFERRING):
            return []
        return self._unknown(content)

    def require_names(
        self, teams: Sequence[str], skills: Sequence[str], calendar: str | None
    ) -> None:
        """Raise InvalidInput if an agent is given a team, skill or calendar that does not exist."""
        self._read()
        errors = [
            FieldError(f"/teams/{index}", f"There is no team {name!r}.")
            for index, name in enumerate(teams)
            if name not in self._teams
        ] + [
            FieldError(f"/skills/{index}/skill", f"There is no skill {name!r}.")
            for index, name in enumerate(skills)
            if name not in self._skills
        ]
        errors += self._unknown_calendar(calendar)
        if errors:
            message = "The agent refers to what does not exist."
            raise InvalidInput(message, errors)

    def require_calendar(self, name: str | None) -> None:
        """Raise InvalidInput if a team is given a calendar that does not exist."""
        if name is None:
            return
        self._read()
        errors = self._unknown_calendar(name)
        if errors:
            message = "The team refers to what does not exist."
            raise InvalidInput(message, errors)

    def _unknown_calendar(self, name: str | None) -> list[FieldError]:
        if name is None or name in self._calendars:
            return []
        return [FieldError("/calendar", f"There is no calendar {name!r}.")]

    def _unknown(self, content: Mapping[str, Any]) -> list[FieldError]:
        errors = []
        team, profile = content.get("team"), content.get("profile")
        if team and team not in self._teams:
            errors.append(FieldError("/team", f"There is no team {team!r}."))
        if profile and profile not in self._profiles:
            errors.append(FieldError("/profile", f"There is no profile {profile!r}."))
        policy = content.get("sla_policy")
        if policy and policy not in self._sla_policies:
            errors.append(FieldError("/sla_policy", f"There is no SLA policy {policy!r}."))
        for name in ("required_skills", "preferred_skills"):
            for index, needed in enumerate(content.get(name) or ()):
                if needed["skill"] not in self._skills:
                    detail = f"There is no skill {needed['skill']!r}."
                    errors.append(FieldError(f"/{name}/{index}/skill", detail))
        return errors

    def _read(self) -> None:
        with self._database.reading() as connection:
            teams = repository.names(connection, repository.TEAMS)
            skills = repository.names(connection, repository.SKILLS)
            calendars = repository.names(connection, repository.CALENDARS)
            profiles = repository.names(connection, repository.PROFILES)
            sla_policies = repository.names(connection, repository.SLA_POLICIES)
        self._teams, self._skills = teams, skills
        self._calendars, self._profiles = calendars, profiles
        self._sla_policies = sla_policies
        self._until = monotonic() + REMEMBER_S
