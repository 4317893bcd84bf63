"""Cursors of feed and search: a place as text that is nobody's business but ours.

Not signed: whoever may read the feed may read it from any place, so a forged cursor opens nothing.
One that is not of this kind is refused all the same, with the field it came in.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from shared.domain.errors import FieldError, InvalidInput

#: Longer than any cursor we make.
MAX_CHARS = 512


def encode(kind: str, parts: Sequence[str | int | float]) -> str:
    """Return a cursor that holds `parts`, good for its kind only."""
    return urlsafe_b64encode(orjson.dumps([kind, *parts])).rstrip(b"=").decode()


def decode(kind: str, text: str, pointer: str, shape: Sequence[type]) -> list[Any]:
    """Return the parts of a cursor, which are of the types of `shape`.

    Raises InvalidInput with `pointer` for one that `encode` did not make for this kind.
    """
    parts = _parts(text)
    whole = [str, *shape]
    if [type(part) for part in parts] != whole or parts[0] != kind or not _sane(parts):
        detail = f"This is no cursor of the {kind}; pass what it gave, unchanged."
        raise InvalidInput(detail, [FieldError(pointer, detail)])
    return parts[1:]


def _parts(text: str) -> list[Any]:
    if len(text) > MAX_CHARS:
        return []
    try:
        found = orjson.loads(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return []
    return found if isinstance(found, list) else []


def _sane(parts: Sequence[Any]) -> bool:
    """Tell whether the database can be asked: integers of 64 bits, and text without NUL."""
    return all(
        -(2**63) <= part < 2**63 if isinstance(part, int) else "\x00" not in str(part)
        for part in parts
    )
