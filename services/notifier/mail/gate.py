"""Whether a mail is sent now, later, together with others, or never. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.notifier.channels.base import NotWanted, Postponed
from services.notifier.mail.loop_caps import over_cap
from services.notifier.mail.moments import zone_of
from shared.db.engine import Row
from shared.domain.delivery import AGENT_MAILS, HELD_RANK, URGENT_MAILS, WRITTEN_MAILS, MailKind
from shared.domain.mail_preferences import Preferences
from shared.domain.suppression import Blame

#: How long a held mail waits for the one that sends the digest.
DIGEST_WAIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows about a mail that is to be sent.

    `sent` are the mails the address had lately (when, about which ticket), `earlier` the ids of
    those about this ticket, oldest first. `told_in` is the digest that tells of it, and when that
    is tried next (None: it is over); `tells` says that it is a digest itself.
    """

    blame: Blame | None = None
    preferences: Preferences = field(default_factory=Preferences)
    locale: str | None = None
    zone: str = "UTC"
    sent: Sequence[tuple[datetime, str]] = ()
    earlier: Sequence[str] = ()
    unknown_before: bool = False
    told_in: tuple[str, datetime | None] | None = None
    tells: bool = False
    opens_at: datetime | None = None
    attachments: Sequence[Row] = ()


def refusal(
    kind: MailKind, delivery: Row, known: Known, now: datetime
) -> NotWanted | Postponed | None:
    """Return why a mail is not sent now, or None when it is."""
    if known.told_in is not None:
        digest_id, due = known.told_in
        if due is None:
            return NotWanted(f"told in the digest {digest_id}")
        reason = f"waits for what becomes of the digest {digest_id}"
        return Postponed(max(due, now) + DIGEST_WAIT, reason, held=True)
    suppressed = suppression(known.blame, now)
    if suppressed is not None:
        return suppressed
    if kind in known.preferences.off:
        return NotWanted("the receiver does not want mails of this kind")
    # A loop needs a machine that writes to the desk, and to that one we answer as to a requester.
    if kind not in WRITTEN_MAILS | AGENT_MAILS:
        loop = over_cap(delivery["ticket_id"], known.sent, now)
        if loop is not None:
            return NotWanted(loop)
    return None if kind in URGENT_MAILS else _held(delivery, known, now)


def suppression(blame: Blame | None, now: datetime) -> NotWanted | None:
    """Return why nothing at all is sent to an address that bounced or complained, or None."""
    if blame is None or not blame.holds(now):
        return None
    until = f" until {blame.until:%Y-%m-%d}" if blame.until else ""
    return NotWanted(f"nothing is sent to this address{until}: {blame.reason}")


def _held(delivery: Row, known: Known, now: datetime) -> Postponed | None:
    wanted = known.preferences
    zone = zone_of(wanted.time_zone, known.zone)
    if delivery["rank"] != HELD_RANK:
        digest = wanted.next_digest(now, zone)
        if digest is not None:
            return Postponed(digest, "waits for the receiver's digest", held=True)
    quiet = wanted.quiet_until(now, zone)
    return None if quiet is None else Postponed(quiet, "the receiver's quiet hours", held=True)
