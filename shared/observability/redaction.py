"""What must not be in a log: secrets, tokens, passwords in URLs, and what people wrote.

Patchbay's own lines name things by their ids and hold none of this. What slips in comes from
elsewhere: the text of an error of a library, a traceback, a URL with a password. This is the net
below, applied to every line of every logger last of all, when tracebacks are text already.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

REDACTED = "[redacted]"

#: What a name must hold for its text to be a secret. `key` alone is the key of a row.
_SECRET_NAME = re.compile(
    r"passw|secret|token|authorization|cookie|api[-_]?key|private[-_]?key|credential"
    r"|^webhook[-_]signature$",
    re.IGNORECASE,
)
#: What customers and agents wrote; how long it is may be told.
_WRITTEN = frozenset(
    {"body", "text", "html", "raw", "payload", "content", "description", "comment"}
)

#: Deeper than any line of ours; what is below is left out.
_DEPTH = 6

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Whose URL it is, and the password (RFC 3986 §3.2.1), also one that is not written as it should
    # be. Without a colon it is often a token.
    (re.compile(r"""://(?:[^\s/?#@]*:[^\s"'<>]*|[^\s/?#@]+)@"""), f"://{REDACTED}@"),
    # Headers, as they are written and as Python shows a mapping of them; then a scheme by itself.
    (
        re.compile(
            r"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|webhook-signature)"
            r"""(["']?\s*[:=]\s*)(["']?)[^\r\n"']+""",
            re.IGNORECASE,
        ),
        rf"\g<1>\g<2>\g<3>{REDACTED}",
    ),
    (
        re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
        rf"\g<1> {REDACTED}",
    ),
    # API keys, and secrets of webhooks; public keys (whpk_) are for everybody.
    (re.compile(r"\b(pbk_|whsec_|whsk_)[A-Za-z0-9_+/=-]+"), rf"\g<1>{REDACTED}"),
    # Signed links, by which whoever has one acts for a requester, and reply and bounce addresses.
    (re.compile(r"(/[tu]/)[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]{8,}"), rf"\g<1>{REDACTED}"),
    (re.compile(r"\+[A-Za-z2-7]{42,48}(?=@)"), f"+{REDACTED}"),
    # Parameters of queries, forms and connection strings.
    (
        re.compile(
            r"\b([A-Za-z_-]*(?:password|passwd|secret|token|api_key|apikey|x-amz-signature))"
            r"""(["']?\s*[=:]\s*)(["']?)[^\s&"',;)}]+""",
            re.IGNORECASE,
        ),
        rf"\g<1>\g<2>\g<3>{REDACTED}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END|$)", re.DOTALL), REDACTED),
)


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Return a line of the log without what must not be in it; a processor of structlog."""
    return {name: _clean(name, value, _DEPTH) for name, value in event.items()}


def redact_text(text: str) -> str:
    """Return a text without the secrets that can be told by how they look."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _clean(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    if _SECRET_NAME.search(name):
        return REDACTED
    if name.lower() in _WRITTEN:
        length = f"{len(value)} characters" if isinstance(value, str) else "withheld"
        return f"[{length}]"
    if isinstance(value, str):
        return redact_text(value)
    if not depth:
        return REDACTED
    if isinstance(value, Mapping):
        return {key: _clean(str(key), each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", each, depth - 1) for each in value]
    # Whatever it is, the renderer would write its text.
    return redact_text(repr(value) if isinstance(value, bytes | BaseException) else str(value))
