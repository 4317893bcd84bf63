"""What a team may refer to: profiles and policies that exist, helpers that do not return to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from services.intake import repository
from shared.db.engine import Transaction
from shared.domain.errors import FieldError, InvalidInput

_PROFILES = ("profile", "shadow_profile", "trial_profile")


def require(tx: Transaction, team: str, content: Mapping[str, Any]) -> None:
    """Raise InvalidInput if a team names what does not exist, or its overflow goes in a circle.

    The caller holds the configuration's lock, so nobody changes another team meanwhile.
    """
    profiles = repository.names(tx.connection, repository.PROFILES)
    errors = [
        FieldError(f"/{field}", f"There is no profile {content[field]!r}.")
        for field in _PROFILES
        if content.get(field) is not None and content[field] not in profiles
    ]
    policy = content.get("sla_policy")
    if policy is not None and policy not in repository.names(
        tx.connection, repository.SLA_POLICIES
    ):
        errors.append(FieldError("/sla_policy", f"There is no SLA policy {policy!r}."))
    if content.get("overflow"):
        errors += _overflow_errors(tx, team, content["overflow"])
    if errors:
        raise InvalidInput("The team refers to what it cannot.", errors)


def _overflow_errors(
    tx: Transaction, team: str, overflow: Sequence[Mapping[str, Any]]
) -> list[FieldError]:
    teams = repository.TEAMS
    rows = tx.rows(select(teams.c.name, teams.c.overflow))
    helpers = {row["name"]: [step["team"] for step in row["overflow"]] for row in rows}
    errors = []
    for index, step in enumerate(overflow):
        pointer, helper = f"/overflow/{index}/team", step["team"]
        if helper != team and helper not in helpers:
            errors.append(FieldError(pointer, f"There is no team {helper!r}."))
            continue
        circle = _path(helper, team, helpers)
        if circle:
            way = " -> ".join((team, *circle))
            errors.append(FieldError(pointer, f"The overflow goes in a circle: {way}."))
    return errors


def _path(start: str, goal: str, helpers: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the teams from `start` to `goal`, both included; empty if there is no way."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        if way[-1] == goal:
            return way
        for helper in helpers.get(way[-1], ()):
            if helper not in seen:
                seen.add(helper)
                ways.append([*way, helper])
    return []
