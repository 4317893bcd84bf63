"""Headers that a subscriber wants on its webhooks, mostly for authorization at a gateway.

The rule of what is taken, in one place: intake refuses what the notifier would not send.
"""

import re

#: How many there may be, and how long a value.
MAX_HEADERS, MAX_VALUE_CHARS = 20, 4096

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
#: Printable ASCII, no space at either end: no octet that could end a header or begin another one
#: (RFC 9110 §5.5).
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")

#: What a subscriber may not replace: how the request is transferred, and who sends it.
_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "cookie",
        "date",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
#: The signature, the body's own headers, and what proxies and clouds on the way act on.
_RESERVED_PREFIXES = ("content-", "webhook-", "proxy-", "ce-", "x-amz-", "x-goog-", "x-azure-")


def is_reserved(name: str) -> bool:
    """Tell whether a subscriber may not replace a header."""
    return name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES)


def refusal(name: str, value: str) -> str | None:
    """Return why a header cannot be sent, or None if it can."""
    if not _NAME.fullmatch(name):
        return "A name is 1 to 64 letters, digits and hyphens, and does not begin with a hyphen."
    if is_reserved(name):
        return f"{name!r} is reserved: Patchbay sets it, or something on the way acts on it."
    if len(value) > MAX_VALUE_CHARS:
        return f"The value is longer than {MAX_VALUE_CHARS} characters."
    if not _VALUE.fullmatch(value):
        return "A value is printable ASCII, without spaces at its ends."
    return None
