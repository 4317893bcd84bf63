"""W3C Trace Context: what belongs to one trace, from a client's request to our webhook for it.

https://www.w3.org/TR/trace-context-1/ (§3.2, the header traceparent). Patchbay keeps the trace id
and the flags of whoever asked, and gives each of its own requests a parent id of its own. Unless
spans are made (`shared.observability.tracing`) it begins no traces: who sends none gets none.
`tracestate` is not kept, which is allowed (§3.3).
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_NO_TRACE, _NO_PARENT = "0" * 32, "0" * 16

#: What is being done now belongs to this trace: a `traceparent`, or None.
CURRENT: ContextVar[str | None] = ContextVar("traceparent", default=None)


def accepted(text: str | None) -> str | None:
    """Return a `traceparent` that can be kept, in the form of version 00; None for anything else.

    A later version is read as far as 00 goes (§4.3, versioning of traceparent).
    """
    found = _TRACEPARENT.fullmatch(text.strip()) if text else None
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    if found["trace"] == _NO_TRACE or found["parent"] == _NO_PARENT:
        return None
    return f"00-{found['trace']}-{found['parent']}-{found['flags']}"


def child(traceparent: str) -> str:
    """Return the same trace with a new parent id: that of the request that is about to be sent."""
    version, trace, _, flags = traceparent.split("-")
    return f"{version}-{trace}-{secrets.token_hex(8)}-{flags}"


def trace_id(traceparent: str) -> str:
    """Return the id of the trace, by which logs are found."""
    return traceparent.split("-")[1]


def span_id(traceparent: str) -> str:
    """Return the id of the span that a `traceparent` names."""
    return traceparent.split("-")[2]


def is_sampled(traceparent: str | None) -> bool:
    """Tell whether whoever began the trace keeps it (§3.2.2.5.1, the flag sampled)."""
    return traceparent is not None and int(traceparent[-2:], 16) & 1 == 1


@contextmanager
def belonging_to(traceparent: str | None) -> Iterator[None]:
    """Say for the length of a block which trace what is done belongs to."""
    token = CURRENT.set(traceparent)
    try:
        yield
    finally:
        CURRENT.reset(token)
