"""What the requests of a key are counted as; each class has a limit of its own."""

from enum import StrEnum


class RateClass(StrEnum):
    """A class of operations."""

    READ = "read"
    WRITE = "write"
    BULK = "bulk"


#: The window in which requests are counted, in seconds.
RATE_WINDOW_S = 60
