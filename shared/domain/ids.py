"""Identifiers: a type prefix and a UUIDv7 in hex, `tkt_0199f0c2a3b47d1e8f…`.

UUIDv7 (RFC 9562 §5.7) begins with the time, so rows arrive in index order and ids sort by age. The
prefix lets a reader, a log search and an error message tell a ticket from an agent. Ids are kept
in the database exactly as they are on the wire.
"""

import os
import re
import struct
import threading
import time
from datetime import datetime
from enum import StrEnum

_SHAPE = re.compile(r"[a-z]{3}_[0-9a-f]{32}")


class Prefix(StrEnum):
    """The kinds of things that have an id."""

    ABSENCE = "abs"
    AGENT = "agt"
    API_KEY = "key"
    ASSIGNMENT = "asg"
    ATTACHMENT = "att"
    ATTEMPT = "atm"
    AUDIT_ENTRY = "aud"
    BULK_CHUNK = "blk"
    COMMENT = "cmt"
    DECISION = "dec"
    DELIVERY = "dlv"
    DRY_RUN = "dry"
    EVENT = "evt"
    ENDPOINT_SECRET = "sec"  # noqa: S105 -- how its id begins
    SIGNING_KEY = "sgn"
    REQUESTER = "rqr"
    JOB = "job"
    SUBSCRIPTION = "whk"
    TICKET = "tkt"
    WAITING_LOOK = "wlk"
    UPLOAD = "upl"


class _Source:
    """What a UUIDv7 is made of: 60 leading bits of time and 62 of chance.

    The time is milliseconds, then a fraction that never goes back: RFC 9562 §6.2, method 3
    (sub-millisecond fraction) with method 1's rule that a value not greater than the last one
    becomes the last one plus one. Random bytes are fetched for 128 ids at once, because each asking
    of the system costs more than the rest of an id.
    """

    def __init__(self) -> None:
        self._last = 0
        self.forget()

    def forget(self) -> None:
        """Fetch new random bytes: a forked process must not have those of its parent."""
        self._lock = threading.Lock()
        self._random = struct.iter_unpack("!Q", b"")

    def next(self) -> tuple[int, int]:
        milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
        stamp = (milliseconds << 12) | (nanoseconds * 4096 // 1_000_000)
        with self._lock:
            self._last = stamp = max(stamp, self._last + 1)
            found = next(self._random, None)
            if found is None:
                self._random = struct.iter_unpack("!Q", os.urandom(1024))
                found = next(self._random)
        return stamp, found[0] & 0x3FFF_FFFF_FFFF_FFFF


_source = _Source()
os.register_at_fork(after_in_child=_source.forget)


def new_id(prefix: Prefix) -> str:
    """Return a fresh id of the given kind, greater than every id this process made before."""
    stamp, random = _source.next()
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | random
    return f"{prefix}_{value:032x}"


def first_id(prefix: Prefix, moment: datetime) -> str:
    """Return what is not greater than any id of a kind that was made at a moment or later."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return f"{prefix}_{milliseconds << 80:032x}"


def is_id(text: str, prefix: Prefix) -> bool:
    """Tell whether `text` has the shape of an id of this kind."""
    return bool(_SHAPE.fullmatch(text)) and text.startswith(f"{prefix}_")
