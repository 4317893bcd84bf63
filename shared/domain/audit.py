"""The audit log's vocabulary: administrative acts, and who does them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson


class AuditAction(StrEnum):
    """What was done, as `thing.past_participle`."""

    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    SIGNING_ROTATED = "signing_key.rotated"
    SECRETS_RESEALED = "secrets.resealed"
    SECRETS_FORGOTTEN = "secrets.forgotten"
    AGENT_CREATED = "agent.created"
    AGENT_UPDATED = "agent.updated"
    ABSENCE_CREATED = "absence.created"
    ABSENCES_IMPORTED = "absences.imported"
    ABSENCE_DELETED = "absence.deleted"
    CALENDAR_CREATED = "calendar.created"
    CALENDAR_UPDATED = "calendar.updated"
    CALENDAR_DELETED = "calendar.deleted"
    HOLIDAYS_IMPORTED = "holidays.imported"
    TEAM_CREATED = "team.created"
    TEAM_UPDATED = "team.updated"
    SKILL_CREATED = "skill.created"
    RULES_REPLACED = "rules.replaced"
    PROFILE_REPLACED = "profile.replaced"
    PROFILE_DELETED = "profile.deleted"
    POLICY_REPLACED = "sla_policy.replaced"
    POLICY_DELETED = "sla_policy.deleted"
    MATRIX_REPLACED = "priority_matrix.replaced"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_UPDATED = "subscription.updated"
    SUBSCRIPTION_DELETED = "subscription.deleted"
    SUBSCRIPTION_TESTED = "subscription.tested"
    SECRET_ROTATED = "subscription.secret_rotated"  # noqa: S105 -- a word
    DELIVERY_REPLAYED = "delivery.replayed"
    DELIVERIES_REPLAYED = "deliveries.replayed"
    MAILS_REPLAYED = "mails.replayed"
    JOB_CANCELLED = "job.cancelled"
    SUPPRESSION_MADE = "suppression.made"
    SUPPRESSION_LIFTED = "suppression.lifted"
    REQUESTER_MERGED = "requester.merged"
    REQUESTER_ERASED = "requester.erased"
    WORK_RETRIED = "dead_work.retried"
    WORK_DROPPED = "dead_work.dropped"
    REPAIRED = "desk.repaired"


#: What MACs of addresses are made for; see `target_of_address`.
ADDRESS_PURPOSE = "audit.address"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a key in a request from an address, or somebody on the command line."""

    name: str
    request_id: str | None = None
    address: str | None = None


def target_of_address(mac: bytes) -> str:
    """Return what stands for a mail address whose MAC, for ADDRESS_PURPOSE, this is.

    The log outlives the erasure of whoever the address belongs to. A hash alone could be guessed.
    """
    return f"mac:{mac[:16].hex()}"


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of a document in its canonical form: keys sorted, compact."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
