"""What an attempt came to, in the words of the API."""

import re

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def outcome_name(kind: str) -> str:
    """Return the word for an outcome: `TemporaryFailure`, as it is kept, is `temporary_failure`."""
    return _HUMP.sub("_", kind).lower()
