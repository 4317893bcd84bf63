"""Tokens of forms: this form was opened here, when, and each opening counts once.

In place of a cookie, which browsers withhold from a form in a frame on another site: whoever sends
a form must have got it from us first, so another site cannot send it blindly in a visitor's name.
The nonce is the idempotency key of what the form does.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.db.signing_keys import SigningKeys
from shared.domain.clock import Clock
from shared.domain.errors import BadToken

_PURPOSE = "form"
#: How long a form may stay open.
MAX_AGE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class FormToken:
    """The token as text, its nonce, and when the form was opened."""

    text: str
    nonce: str
    opened_at: datetime


class FormTokens:
    """Issues and reads them; `subject` is what a form is about, such as a ticket's id.

    `remembered` is how long it is known what a form did: an older one could do it again.
    """

    def __init__(self, signing: SigningKeys, clock: Clock, remembered: timedelta) -> None:
        self._signing = signing
        self._clock = clock
        self._max_age = min(MAX_AGE, remembered)

    def issue(self, subject: str) -> FormToken:
        """Return a fresh token."""
        now, nonce = self._clock.now(), secrets.token_urlsafe(16)
        text = self._signing.sign(_PURPOSE, [subject, nonce, int(now.timestamp() * 1000)])
        return FormToken(text, nonce, now)

    def read(self, text: str, subject: str) -> FormToken | None:
        """Return the token; None if it is forged, of another form, or too old."""
        try:
            about, nonce, opened_ms = self._signing.read(_PURPOSE, text)
        except (BadToken, TypeError, ValueError):
            return None
        opened_at = datetime.fromtimestamp(opened_ms / 1000, UTC)
        if about != subject or self._clock.now() > opened_at + self._max_age:
            return None
        return FormToken(text, nonce, opened_at)
