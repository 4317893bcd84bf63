"""Headers that a subscriber wants on its webhooks, mostly for authorization at a gateway."""

from collections.abc import Mapping

#: What a subscriber may not replace: how the request is transferred, and who sends it.
_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
#: The signature, and what proxies on the way act on.
_RESERVED_PREFIXES = ("webhook-", "proxy-")


def permitted(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that may be sent as they are; reserved ones are left out."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _RESERVED and not name.lower().startswith(_RESERVED_PREFIXES)
    }
