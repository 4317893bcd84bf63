"""What an agent is to the router: presence and the vocabulary of ending an assignment."""

from enum import StrEnum


class Presence(StrEnum):
    """Whether an agent takes work. Only `online` does; `away` keeps what it has."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class AssignmentEnd(StrEnum):
    """Why an assignment is over."""

    RESOLVED = "resolved"
    RETURNED = "returned"
    DECLINED = "declined"
    EXPIRED = "expired"
    REASSIGNED = "reassigned"
    TRANSFERRED = "transferred"
