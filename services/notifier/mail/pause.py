"""A pause of all mail while the server refuses us, and not some receiver."""

from datetime import datetime, timedelta

from shared.observability import metrics
from shared.observability.logging import get_logger

#: How long to rest after the first, second … refusal in a row, in seconds.
RESTS_S = (60, 120, 300, 900)

log = get_logger()


class ChannelPause:
    """Whether mail rests, and until when; raises the operator's alarm when it begins."""

    def __init__(self) -> None:
        self._until: datetime | None = None
        self._refusals = 0

    def until(self, now: datetime) -> datetime | None:
        """Return when mail may be tried again, or None if it may now."""
        return self._until if self._until is not None and now < self._until else None

    def begin(self, reason: str, now: datetime) -> datetime:
        """Rest, longer each time; return until when."""
        if (until := self.until(now)) is not None:
            # What was on its way when the pause began tells nothing new.
            return until
        rest_s = RESTS_S[min(self._refusals, len(RESTS_S) - 1)]
        self._refusals += 1
        self._until = now + timedelta(seconds=rest_s)
        metrics.mail_paused.set(1)
        metrics.mail_refusals.inc()
        log.error("mail.paused", reason=reason, rest_s=rest_s)
        return self._until

    def end(self) -> None:
        """Go on: a mail was taken."""
        if self._refusals:
            metrics.mail_paused.set(0)
            log.info("mail.resumed", refusals=self._refusals)
        self._until, self._refusals = None, 0
