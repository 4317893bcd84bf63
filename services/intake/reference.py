"""The names that tickets and rules may refer to, kept in memory for a moment.

A ticket that names an unknown team is refused at the door, not parked for ever. Looking the names
up for every ticket would cost more than storing it; so they are remembered for a second, and looked
up anew before anything is refused.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from sqlalchemy import Connection

from services.intake import repository
from shared.db.engine import Database
from shared.domain.errors import FieldError, InvalidInput

REMEMBER_S = 1.0

_REFERRING = ("team", "required_skills", "preferred_skills", "profile")


class ReferenceData:
    """Knows which teams and skills there are.

    `profiles` returns the names of strategy profiles; without it any name of one is taken.
    """

    def __init__(
        self,
        database: Database,
        profiles: Callable[[Connection], frozenset[str]] | None = None,
    ) -> None:
        self._database = database
        self._profiles_of = profiles
        self._profiles: frozenset[str] | None = None
        self._lock = threading.Lock()
        self._until = 0.0
        self._teams: frozenset[str] = frozenset()
        self._skills: frozenset[str] = frozenset()

    def require(self, content: Mapping[str, Any]) -> None:
        """Raise InvalidInput if a ticket, or what a rule does, names what does not exist."""
        if not any(content.get(name) for name in _REFERRING):
            return
        if monotonic() > self._until or self._unknown(content):
            self._read()
        errors = self._unknown(content)
        if errors:
            message = "The ticket refers to what does not exist."
            raise InvalidInput(message, errors)

    def require_names(self, teams: Sequence[str], skills: Sequence[str]) -> None:
        """Raise InvalidInput if an agent is given a team or skill that does not exist."""
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
        if errors:
            message = "The agent refers to what does not exist."
            raise InvalidInput(message, errors)

    def _unknown(self, content: Mapping[str, Any]) -> list[FieldError]:
        errors = []
        team, profile = content.get("team"), content.get("profile")
        if team and team not in self._teams:
            errors.append(FieldError("/team", f"There is no team {team!r}."))
        if profile and self._profiles is not None and profile not in self._profiles:
            errors.append(FieldError("/profile", f"There is no profile {profile!r}."))
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
            profiles = self._profiles_of(connection) if self._profiles_of else None
        with self._lock:
            self._teams, self._skills, self._profiles = teams, skills, profiles
            self._until = monotonic() + REMEMBER_S
