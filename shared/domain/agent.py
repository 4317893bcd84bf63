"""What an agent is to the router: presence, and the words for absences and ended assignments."""

from enum import StrEnum


class Presence(StrEnum):
    """Whether an agent takes work. Only `online` does; `away` keeps what it has."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class AbsenceSource(StrEnum):
    """Where an absence comes from; an import replaces the absences of imports before it."""

    MANUAL = "manual"
    ICAL = "ical"


class AssignmentEnd(StrEnum):
    """Why an assignment is over."""

    RESOLVED = "resolved"
    RETURNED = "returned"
    DECLINED = "declined"
    EXPIRED = "expired"
    REASSIGNED = "reassigned"
    TRANSFERRED = "transferred"
    CANCELLED = "cancelled"
    MERGED = "merged"
