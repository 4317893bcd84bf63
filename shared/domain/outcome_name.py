"""What an attempt came to, in the words of the API."""

import re
from enum import StrEnum

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


class AttemptOutcome(StrEnum):
    """Every outcome that a ledger may hold.

    The first five are those of a try, as `services.notifier.channels.base` defines them; the others
    are what a report about a mail told later.
    """

    DELIVERED = "delivered"
    TEMPORARY_FAILURE = "temporary_failure"
    PERMANENT_FAILURE = "permanent_failure"
    UNKNOWN = "unknown"
    NOT_WANTED = "not_wanted"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    DELAYED = "delayed"

    @property
    def kept(self) -> str:
        """The word as a row has it: `TemporaryFailure`."""
        return "".join(word.capitalize() for word in self.value.split("_"))


def outcome_name(kind: str) -> str:
    """Return the word for an outcome: `TemporaryFailure`, as it is kept, is `temporary_failure`."""
    return _HUMP.sub("_", kind).lower()
