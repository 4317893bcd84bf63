"""What an HTTP answer means for a webhook: status, headers and body in, outcome out.

Only 2xx is success and only 410 is final (Standard Webhooks 1.0, "delivery success and failure").
Every other refusal is tried again: receivers often answer 401 or 404 while they are deployed, and
mend it within the hour. A receiver that knows better says so in the header `webhook-delivery`
(standard-webhooks pull request 291, and Svix' "delivery control"): `abort-message` gives up this
message, `disable` asks for no more at all.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from services.notifier.channels.base import (
    Delivered,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)

#: How much of an answer is kept for the attempt log, in bytes.
KEPT_BODY_BYTES = 4096
_MAX_LOCATION_LENGTH = 200
_ASKS_FOR_TIME = (429, 503)
CONTROL_HEADER = "webhook-delivery"
_DISABLE, _ABORT = "disable", "abort-message"
_ORDERS = (_DISABLE, _ABORT)
_DELTA_SECONDS = re.compile(r"[0-9]{1,10}")


def outcome_of(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    duration_ms: int,
    now: datetime,
    remark: str = "",
) -> Outcome:
    """Classify one answer.

    `headers` looks names up without regard to case, `body` is the part that was read, `now` (UTC)
    is what a date in Retry-After is compared with, `remark` goes to the end of the reason.
    """
    # PostgreSQL refuses NUL in text, and an attempt that cannot be recorded would be sent for ever.
    text = body[:KEPT_BODY_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd") or None
    order = headers.get(CONTROL_HEADER, "").strip().lower()
    said = f", {CONTROL_HEADER}: {order}" if order in _ORDERS else ""
    reason = f"HTTP {status}{said}{remark}"
    gone = status == 410 or order == _DISABLE
    if 200 <= status < 300:
        return Delivered(status, reason, duration_ms, text, gone)
    if gone or order == _ABORT:
        return PermanentFailure(reason, status, gone, duration_ms, text)
    if 300 <= status < 400:
        location = headers.get("Location", "")[:_MAX_LOCATION_LENGTH]
        reason = f"HTTP {status}, redirects are not followed (Location: {location}){remark}"
        return TemporaryFailure(reason, status, None, duration_ms, text)
    wait_s = (
        parse_retry_after(headers.get("Retry-After"), now) if status in _ASKS_FOR_TIME else None
    )
    return TemporaryFailure(reason, status, wait_s, duration_ms, text)


def parse_retry_after(value: str | None, now: datetime) -> int | None:
    """Read a Retry-After header (RFC 9110 section 10.2.3), delta-seconds or HTTP-date.

    Returns whole seconds, at least 0 and rounded up so that no attempt comes before the moment
    asked for, or None without a usable value.
    """
    if value is None:
        return None
    value = value.strip()
    if _DELTA_SECONDS.fullmatch(value):
        return int(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait_s = (moment - now).total_seconds()
    return max(0, int(-(-wait_s // 1)))
