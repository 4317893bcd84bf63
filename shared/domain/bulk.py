"""Many tickets at once: what may be asked for, and where a job stands."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class BulkMode(StrEnum):
    """What the lines are.

    create: new tickets. import: tickets that lived elsewhere, with their dates, states and
    comments, of which nobody is notified.
    """

    CREATE = "create"
    IMPORT = "import"


class JobState(StrEnum):
    """Where a job stands.

    receiving: its body is not whole yet; nothing is done before it is. queued: nobody has begun.
    cancelled: what was not done by then never will be; what was done stays.
    """

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class BulkLimits:
    """What a body may hold; bytes are counted when unpacked. `answered_lines` are done at once."""

    max_lines: int = 1_000_000
    max_bytes: int = 2 * 1024**3
    max_line_bytes: int = 1024**2
    answered_lines: int = 1_000
    #: How long jobs and the keys of lines are remembered.
    kept: timedelta = timedelta(hours=72)


#: Lines that are stored, and later handled, in one transaction.
CHUNK_LINES = 500
#: A chunk of long lines ends when it holds this much.
CHUNK_BYTES = 4 * 1024**2
