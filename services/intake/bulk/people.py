"""Imported tickets name agents by id or e-mail address; here these are found."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from services.intake import repository
from services.intake.bulk.line import Line
from shared.db.engine import Transaction
from shared.db.ticket_changes import Past
from shared.domain.comment import AuthorKind
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.lifecycle import LifeRules
from shared.domain.ticket import PriorityScheme, TicketStatus, derive_priority
from shared.domain.weight import ticket_weight

Agents = Mapping[str, dict[str, Any]]


def pasts(
    tx: Transaction, lines: Sequence[Line], rules: LifeRules, now: datetime
) -> list[Past | InvalidInput]:
    """Return what each ticket has behind it; InvalidInput where its assignee is nobody here."""
    agents = _agents(tx, {name for line in lines for name in _names(line.content)})
    teams = {line.content["team"] for line in lines}
    profiles = {team: repository.profile_of_team(tx, team) for team in teams}
    scheme = tx.service_levels.book(tx.connection).priorities
    return [_past(line.content, agents, profiles, scheme, rules, now) for line in lines]


def _past(
    content: Mapping[str, Any],
    agents: Agents,
    profiles: Mapping[str | None, Mapping[str, Any]],
    scheme: PriorityScheme,
    rules: LifeRules,
    now: datetime,
) -> Past | InvalidInput:
    name = content["assignee"]
    assignee = agents.get(name.lower()) if name is not None else None
    if name is not None and assignee is None:
        detail = f"There is no agent {name!r}; add them first, or leave the field out."
        return InvalidInput(detail, [FieldError("/assignee", detail)])
    profile = profiles[content["team"]]
    priority = derive_priority(
        content["priority"], content["impact"], content["urgency"], content["severity"], scheme
    )
    weight = ticket_weight(
        profile["channel_weights"], profile["priority_weights"], content["channel"], priority
    )
    return Past(content, assignee, weight, agents, _closes_at(content, rules, now))


def _closes_at(content: Mapping[str, Any], rules: LifeRules, now: datetime) -> datetime | None:
    """Return when a resolved ticket closes by itself; one whose time was before it came, never.

    It stays as it came, rather than be changed, and told of, in the moment of its import.
    """
    resolved_at = content["resolved_at"]
    if content["status"] is not TicketStatus.RESOLVED or rules.auto_close_after is None:
        return None
    if resolved_at is None or resolved_at + rules.auto_close_after <= now:
        return None
    due: datetime = resolved_at + rules.auto_close_after
    return due


def _names(content: Mapping[str, Any]) -> set[str]:
    names = {content["assignee"]} | {
        comment["author"]["id"]
        for comment in content["comments"]
        if comment["author"]["kind"] is AuthorKind.AGENT
    }
    return {name.lower() for name in names if name}


def _agents(tx: Transaction, names: set[str]) -> Agents:
    if not names:
        return {}
    agents = repository.AGENTS.c
    query = select(agents.id, agents.name, agents.email).where(
        or_(agents.id.in_(names), func.lower(agents.email).in_(names))
    )
    found: dict[str, dict[str, Any]] = {}
    for row in tx.rows(query):
        found[row["id"]] = found[row["email"].lower()] = row
    return found
