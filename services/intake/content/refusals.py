"""Why a file is refused though its type is allowed; the reasons are part of the API."""

from enum import StrEnum

from shared.domain.errors import FileRefused


class Reason(StrEnum):
    """Stable names of reasons."""

    EMPTY = "empty"
    DAMAGED = "damaged"
    POLYGLOT = "polyglot"
    BOMB = "bomb"
    NESTED = "nested"
    METHOD = "method"
    ENCRYPTED = "encrypted"
    UNSAFE_NAME = "unsafe-name"


def refused(reason: Reason, detail: str) -> FileRefused:
    """Return the error."""
    return FileRefused(detail, reason=reason.value)
