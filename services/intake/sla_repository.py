"""Intake's SQL for service levels: policies and their versions, who uses them, priorities.

Whatever changes a policy makes a version of it, with the calendar as it is then; running clocks of
the policy are looked at again by the router.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select, update

from services.intake.repository import (
    CALENDARS,
    SLA_POLICIES,
    TEAMS,
    add,
    bump_configuration,
    one,
    rules,
)
from shared.db import ticket_changes
from shared.db.engine import Row, Transaction
from shared.db.models import ConfigurationVersion, SlaPolicyVersion, Ticket
from shared.db.models.base import table
from shared.domain.errors import Conflict, FieldError, InvalidInput
from shared.domain.sla import DEFAULT_DOCUMENT, DEFAULT_POLICY
from shared.schemas.priority import DEFAULT_PRIORITIES

_VERSIONS, _TICKETS = table(SlaPolicyVersion), table(Ticket)
_CONFIGURATION = table(ConfigurationVersion)


def put_policy(
    tx: Transaction,
    name: str,
    document: Mapping[str, Any],
    now: datetime,
    check: Callable[[int], None],
) -> None:
    """Make a policy or replace it; the same again changes nothing.

    `check` is given the version in force, 0 if there is none, and may refuse it. Raises
    InvalidInput for a calendar that does not exist.
    """
    bump_configuration(tx)
    known = tx.first(select(SLA_POLICIES).where(SLA_POLICIES.c.name == name))
    check(known["version"] if known else 0)
    calendar = _calendar(tx, document["calendar"])
    if known and known["document"] == document:
        return
    _store(tx, name, document, calendar, now, created=known is None)
    ticket_changes.look_at_policies(tx, [name], now)


def renew_policies(tx: Transaction, calendar: str, now: datetime) -> bool:
    """Make new versions of the policies that count by a calendar; return whether there are any."""
    counted = select(SLA_POLICIES).where(SLA_POLICIES.c.calendar == calendar)
    policies = tx.rows(counted.order_by(SLA_POLICIES.c.name))
    for policy in policies:
        snapshot = _calendar(tx, calendar)
        _store(tx, policy["name"], policy["document"], snapshot, now, created=False)
    if policies:
        ticket_changes.look_at_policies(tx, [policy["name"] for policy in policies], now)
    return bool(policies)


def delete_policy(tx: Transaction, name: str) -> None:
    """Delete a policy that nobody uses; its versions stay. Raises Conflict or NotFound."""
    bump_configuration(tx)
    one(tx.connection, SLA_POLICIES, name, "SLA policy")
    users = _users(tx, name)
    if users:
        raise Conflict(f"The SLA policy {name!r} is used by {' and '.join(users)}.")
    tx.execute(delete(SLA_POLICIES).where(SLA_POLICIES.c.name == name))


def priorities(connection: Connection) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how priorities are derived, and the document of the default policy."""
    stored = connection.execute(select(_CONFIGURATION.c.priorities)).scalar_one()
    default = select(SLA_POLICIES.c.document).where(SLA_POLICIES.c.name == DEFAULT_POLICY)
    document = connection.execute(default).scalar_one_or_none()
    return stored or DEFAULT_PRIORITIES, document or DEFAULT_DOCUMENT


def put_priorities(tx: Transaction, document: Mapping[str, Any]) -> None:
    """Store how priorities are derived from now on."""
    bump_configuration(tx)
    tx.execute(update(_CONFIGURATION).values(priorities=document))


def _store(
    tx: Transaction,
    name: str,
    document: Mapping[str, Any],
    calendar: Mapping[str, Any] | None,
    now: datetime,
    *,
    created: bool,
) -> None:
    # Above all there ever were: a policy that was deleted and made anew must not reuse a version.
    last = select(func.coalesce(func.max(_VERSIONS.c.version), 0)).where(_VERSIONS.c.name == name)
    version = tx.execute(last).scalar_one() + 1
    values = {
        "version": version,
        "calendar": document["calendar"],
        "document": document,
        "updated_at": now,
    }
    if created:
        add(tx, SLA_POLICIES, {"name": name, "created_at": now, **values})
    else:
        tx.execute(update(SLA_POLICIES).where(SLA_POLICIES.c.name == name).values(**values))
    row = {"name": name, "version": version, "document": document, "calendar": calendar}
    add(tx, _VERSIONS, {**row, "created_at": now})


def _calendar(tx: Transaction, name: str | None) -> dict[str, Any] | None:
    if name is None:
        return None
    columns = (CALENDARS.c.time_zone, CALENDARS.c.hours, CALENDARS.c.holidays)
    # Locked, so that nobody changes it before this version of the policy is there to be renewed.
    query = select(*columns).where(CALENDARS.c.name == name).with_for_update(key_share=True)
    found = tx.first(query)
    if found is None:
        detail = f"There is no calendar {name!r}."
        message = "The policy refers to what does not exist."
        raise InvalidInput(message, [FieldError("/calendar", detail)])
    return found


def _users(tx: Transaction, name: str) -> list[str]:
    """Return who uses a policy, in words."""
    users = ["every ticket without another"] if name == DEFAULT_POLICY else []
    teams = tx.rows(select(TEAMS.c.name).where(TEAMS.c.sla_policy == name).order_by(TEAMS.c.name))
    users += [f"team {team['name']!r}" for team in teams]
    users += [f"rule {rule['name']!r}" for rule in _rules_in_force(tx, name)]
    running = select(_TICKETS.c.id).where(
        _TICKETS.c.sla_due_at.is_not(None), _TICKETS.c.sla["policy"].as_string() == name
    )
    if tx.execute(select(exists(running))).scalar_one():
        users.append("tickets whose clocks are running")
    return users


def _rules_in_force(tx: Transaction, name: str) -> Sequence[Row]:
    found = rules(tx.connection, None)
    documents = found["rules"] if found else []
    return [rule for rule in documents if rule["then"].get("sla_policy") == name]
