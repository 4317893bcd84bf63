"""Addresses that no mail is sent to, and what puts them there. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class SuppressionReason(StrEnum):
    """Why nothing is sent to an address.

    hard_bounce: there is no such mailbox. soft_bounces: it refused again and again. complaint: its
    owner said that it is spam.
    """

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCES = "soft_bounces"
    COMPLAINT = "complaint"


#: For how long an address that bounced is not written to; whoever complained is never again.
BLOCKED = timedelta(days=60)
#: Bounces for a passing reason that block an address, and the time after which they are forgotten.
MAX_STRIKES = 3
STRIKES_KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Blame:
    """What is known of an address: how it was last found at fault, and from when until when.

    `since` is None while it is only counted.
    """

    reason: SuppressionReason
    strikes: int
    since: datetime | None
    until: datetime | None
    updated_at: datetime

    def holds(self, now: datetime) -> bool:
        """Tell whether nothing may be sent to the address now."""
        return self.since is not None and (self.until is None or now < self.until)


def blamed(before: Blame | None, reason: SuppressionReason, now: datetime) -> Blame:
    """Return what is known of an address after one more fault.

    `reason` soft_bounces is one bounce for a passing reason: only the third within two weeks blocks
    the address. What blocks it for longer is never weakened.
    """
    if before is not None and before.holds(now) and before.until is None:
        return before
    if reason is SuppressionReason.COMPLAINT:
        return Blame(reason, 0, now, None, now)
    if reason is SuppressionReason.HARD_BOUNCE:
        return Blame(reason, 0, now, now + BLOCKED, now)
    if before is not None and before.holds(now):
        return before
    recent = before is not None and before.updated_at > now - STRIKES_KEPT
    strikes = (before.strikes if before is not None and recent else 0) + 1
    if strikes >= MAX_STRIKES:
        return Blame(reason, strikes, now, now + BLOCKED, now)
    return Blame(reason, strikes, None, None, now)
