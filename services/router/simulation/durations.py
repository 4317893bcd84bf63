"""Lengths of time as people write them: `90s`, `30m`, `8h`, `2d`; a bare number is seconds."""

import math
import re
from typing import Any

from marshmallow import ValidationError, fields

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PATTERN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*")


def seconds_of(text: str) -> float:
    """Return the seconds; raises ValueError with the way out."""
    matched = _PATTERN.fullmatch(text)
    if matched is None:
        raise ValueError(f"{text!r} is no length of time; write 90s, 30m, 8h or 2d")
    return float(matched[1]) * UNITS[matched[2] or "s"]


def readable(seconds: float) -> str:
    """Return a length of time with three digits and the unit that suits it."""
    if not math.isfinite(seconds):
        return "–"
    for unit, size in reversed(UNITS.items()):
        if abs(seconds) >= size * (1.5 if unit == "d" else 1):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s" if seconds else "0 s"


class Duration(fields.Field[float]):
    """A length of time above `minimum`, in seconds once it is read."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        try:
            seconds = seconds_of(str(value))
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return seconds
