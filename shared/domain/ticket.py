"""What a ticket is made of: its closed vocabularies, and how its priority and due time follow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class TicketStatus(StrEnum):
    """Where a ticket stands in its life; `lifecycle` says which steps exist."""

    NEW = "new"
    OPEN = "open"
    PENDING_CUSTOMER = "pending_customer"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"
    SPAM = "spam"


#: A ticket that somebody works on, or that looks for somebody.
OPEN_STATUSES = frozenset({TicketStatus.NEW, TicketStatus.OPEN})

#: A ticket that waits for an answer or for somebody outside. Whoever has it keeps it.
PAUSED_STATUSES = frozenset({TicketStatus.PENDING_CUSTOMER, TicketStatus.ON_HOLD})


class TicketType(StrEnum):
    """What kind of help is asked for."""

    TECHNICAL_PROBLEM = "technical_problem"
    PRODUCT_QUESTION = "product_question"
    FEATURE_REQUEST = "feature_request"
    COMPLAINT = "complaint"
    GENERAL_INQUIRY = "general_inquiry"
    TASK = "task"


class Priority(StrEnum):
    """How soon a ticket must be served, the most urgent first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical to 3 for low: work lists are read in this order."""
        return _RANKS[self]


_RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class Severity(StrEnum):
    """How bad the fault itself is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Level(StrEnum):
    """A three-step scale, for impact (how much is affected) and urgency (how soon it hurts)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Channel(StrEnum):
    """How the ticket reached the desk."""

    API = "api"
    EMAIL = "email"
    PHONE = "phone"
    CHAT = "chat"
    WEB = "web"
    SOCIAL = "social"
    IMPORT = "import"


class Lane(StrEnum):
    """Live work goes before bulk work, whatever its priority."""

    LIVE = "live"
    BULK = "bulk"

    @property
    def rank(self) -> int:
        """0 for live, 1 for bulk."""
        return 0 if self is Lane.LIVE else 1


def rank_of(lane: Lane, priority_rank: int) -> int:
    """Return the order in the routing list: every live ticket before every bulk one."""
    return lane.rank * 10 + priority_rank


#: Priority by impact (row) and urgency (column): the ITIL matrix, as ServiceNow ships it, with its
#: two lowest levels joined.
PRIORITY_MATRIX: dict[tuple[Level, Level], Priority] = {
    (Level.HIGH, Level.HIGH): Priority.CRITICAL,
    (Level.HIGH, Level.MEDIUM): Priority.HIGH,
    (Level.HIGH, Level.LOW): Priority.MEDIUM,
    (Level.MEDIUM, Level.HIGH): Priority.HIGH,
    (Level.MEDIUM, Level.MEDIUM): Priority.MEDIUM,
    (Level.MEDIUM, Level.LOW): Priority.LOW,
    (Level.LOW, Level.HIGH): Priority.MEDIUM,
    (Level.LOW, Level.MEDIUM): Priority.LOW,
    (Level.LOW, Level.LOW): Priority.LOW,
}

#: Priority by severity, for a desk that says nothing else: the same word.
PRIORITY_OF_SEVERITY: dict[Severity, Priority] = {
    severity: Priority(severity.value) for severity in Severity
}


@dataclass(frozen=True, slots=True)
class PriorityScheme:
    """How a desk derives priorities: by impact (row) and urgency (column), and by severity."""

    matrix: Mapping[tuple[Level, Level], Priority] = field(default_factory=PRIORITY_MATRIX.copy)
    severity: Mapping[Severity, Priority] = field(default_factory=PRIORITY_OF_SEVERITY.copy)


DEFAULT_SCHEME = PriorityScheme()

#: How long a ticket of each priority may take until it is resolved: high within hours, medium
#: within two days, low within days to weeks. The targets of the default SLA policy.
RESOLUTION_TARGETS: dict[Priority, timedelta] = {
    Priority.CRITICAL: timedelta(hours=1),
    Priority.HIGH: timedelta(hours=4),
    Priority.MEDIUM: timedelta(days=2),
    Priority.LOW: timedelta(days=10),
}


def derive_priority(
    given: Priority | None,
    impact: Level | None,
    urgency: Level | None,
    severity: Severity | None,
    scheme: PriorityScheme = DEFAULT_SCHEME,
) -> Priority:
    """Return the priority of a new ticket.

    A priority that was given stands. Otherwise impact x urgency by the matrix (one of them missing
    counts as medium) and the severity are compared and the more urgent wins; with none of the
    three it is medium.
    """
    if given is not None:
        return given
    candidates: list[Priority] = []
    if impact is not None or urgency is not None:
        candidates.append(scheme.matrix[impact or Level.MEDIUM, urgency or Level.MEDIUM])
    if severity is not None:
        candidates.append(scheme.severity[severity])
    return min(candidates, key=lambda priority: priority.rank, default=Priority.MEDIUM)
