"""Lengths of time as people write them: `90s`, `10m`, `2h`, `3d`, or a number of seconds."""

import re

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"([0-9]{1,10})([dhms])")


def parse_duration(value: object) -> int:
    """Return a length of time in seconds; raises ValueError."""
    if isinstance(value, float) and value.is_integer():
        return parse_duration(int(value))
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = "Not a length of time; write 90s, 10m, 2h, 3d or a number of seconds."
        raise ValueError(message)
    return int(found[1]) * _UNITS[found[2]]


def write_duration(seconds: int) -> str:
    """Return seconds in the largest unit that says them exactly: 5400 is `90m`."""
    for unit, length in _UNITS.items():
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return "0s"
