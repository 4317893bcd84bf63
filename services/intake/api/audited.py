"""Which operations are administrative acts, and what the audit log tells of one.

`services.intake.api.change` appends the entry in the transaction of the operation. Of the body the
names of its members are kept and no values: some are secrets, and others words about people.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, g, request

from services.intake.api.visitor_address import address_of
from shared.db import audit
from shared.db.engine import Transaction
from shared.db.types import load_json
from shared.domain.audit import Actor, AuditAction

#: Endpoints, as Flask names them, and what each does.
ACTS: dict[str, AuditAction] = {
    "agents.create_agent": AuditAction.AGENT_CREATED,
    "agents.update_agent": AuditAction.AGENT_UPDATED,
    "absences.create_absence": AuditAction.ABSENCE_CREATED,
    "absences.import_absences": AuditAction.ABSENCES_IMPORTED,
    "absences.delete_absence": AuditAction.ABSENCE_DELETED,
    "calendars.create_calendar": AuditAction.CALENDAR_CREATED,
    "calendars.update_calendar": AuditAction.CALENDAR_UPDATED,
    "calendars.delete_calendar": AuditAction.CALENDAR_DELETED,
    "calendars.import_holidays": AuditAction.HOLIDAYS_IMPORTED,
    "teams.create_team": AuditAction.TEAM_CREATED,
    "teams.update_team": AuditAction.TEAM_UPDATED,
    "teams.create_skill": AuditAction.SKILL_CREATED,
    "routing.put_rules": AuditAction.RULES_REPLACED,
    "profiles.put_profile": AuditAction.PROFILE_REPLACED,
    "profiles.delete_profile": AuditAction.PROFILE_DELETED,
    "sla-policies.put_policy": AuditAction.POLICY_REPLACED,
    "sla-policies.delete_policy": AuditAction.POLICY_DELETED,
    "priorities.put_matrix": AuditAction.MATRIX_REPLACED,
    "webhooks.create_subscription": AuditAction.SUBSCRIPTION_CREATED,
    "webhooks.update_subscription": AuditAction.SUBSCRIPTION_UPDATED,
    "webhooks.delete_subscription": AuditAction.SUBSCRIPTION_DELETED,
    "webhooks.test_subscription": AuditAction.SUBSCRIPTION_TESTED,
    "webhooks.rotate_secret": AuditAction.SECRET_ROTATED,
    "deliveries.replay_delivery": AuditAction.DELIVERY_REPLAYED,
    "deliveries.replay_deliveries": AuditAction.DELIVERIES_REPLAYED,
    "mail-replays.replay_mails": AuditAction.MAILS_REPLAYED,
    "mail.delete_suppression": AuditAction.SUPPRESSION_LIFTED,
}

#: What a thing is called in the answer that tells of it, the first that is there.
_NAMES = ("id", "name", "version")


def acting() -> Actor:
    """Return who sent the present request, and from where."""
    trusted = current_app.extensions["patchbay"].trusted_proxies
    address = address_of(request, trusted) or None
    return Actor(f"key:{g.caller.key_id}", g.request_id, address)


def tell_of_act(target: str | None = None, **details: Any) -> None:
    """Say more of the present request's act than its path and its body's members do."""
    g.act_target, g.act_details = target, details


def note_act(tx: Transaction, response: Response) -> None:
    """Append the present request to the audit log, if it is an administrative act."""
    action = ACTS.get(request.endpoint or "")
    if action is None:
        return
    body = g.get("body")
    given: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    if given.get("dry_run"):
        return
    text = response.get_data(as_text=True)
    document = load_json(text) if text else {}
    details: dict[str, Any] = {"fields": sorted(given)} if given else {}
    details |= g.get("act_details", {})
    if isinstance(document.get("count"), int):
        details["count"] = document["count"]
    now = current_app.extensions["patchbay"].now()
    audit.record(tx, acting(), action, _target(action, document), now, details)


def _target(action: AuditAction, document: Mapping[str, Any]) -> str | None:
    """Return what the view says, else what the path names, else what the answer does."""
    told: str | None = g.get("act_target")
    if told is not None:
        return told
    places = [str(each) for each in (request.view_args or {}).values()]
    if places and action is not AuditAction.ABSENCE_CREATED:
        return "/".join(places)
    found = [str(document[name]) for name in _NAMES if document.get(name) is not None]
    return "/".join([*places, *found[:1]]) or None
