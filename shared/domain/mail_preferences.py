"""What somebody wants of mails: which ones, when, and at once or together. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from shared.domain.delivery import MailKind

DEFAULT_DIGEST_TIME = "08:00"


class Digest(StrEnum):
    """How often mails that can wait come together in one."""

    NONE = "none"
    HOURLY = "hourly"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Preferences:
    """One person's preferences. `off` are kinds of mail; times are on their own clock.

    Quiet hours that end before they begin go over midnight.
    """

    off: frozenset[str] = frozenset()
    quiet: tuple[time, time] | None = None
    digest: Digest = Digest.NONE
    digest_at: time = time(8)
    time_zone: str | None = None

    def quiet_until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the present quiet hours end, in UTC; None outside of them."""
        if self.quiet is None:
            return None
        begin, end = self.quiet
        here = now.astimezone(zone)
        clock = here.time()
        inside = begin <= clock < end if begin < end else clock >= begin or clock < end
        return _next(here, end) if inside else None

    def next_digest(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when what happens now is told, in UTC; None if at once."""
        match self.digest:
            case Digest.NONE:
                return None
            case Digest.HOURLY:
                hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
                return hour + timedelta(hours=1)
            case Digest.DAILY:
                return _next(now.astimezone(zone), self.digest_at)


def preferences_of(document: Mapping[str, Any] | None) -> Preferences:
    """Return what a document of `shared.schemas.mail.MailPreferencesSchema` says."""
    if not document:
        return Preferences()
    quiet, off = document.get("quiet_hours"), frozenset(document.get("off", ()))
    # Who does not want digests gets each mail for itself; which kinds is another choice.
    digest = Digest.NONE if MailKind.DIGEST in off else document.get("digest", Digest.NONE)
    return Preferences(
        off,
        (time.fromisoformat(quiet["from"]), time.fromisoformat(quiet["until"])) if quiet else None,
        Digest(digest),
        time.fromisoformat(document.get("digest_at", DEFAULT_DIGEST_TIME)),
        document.get("time_zone"),
    )


def _next(here: datetime, at: time) -> datetime:
    """Return the next moment, after `here`, at which clocks there show `at`."""
    found = datetime.combine(here.date(), at, here.tzinfo)
    if found <= here:
        found = datetime.combine(here.date() + timedelta(days=1), at, here.tzinfo)
    return found.astimezone(UTC)
