"""Roles: what a caller is to the desk, and so which steps in a ticket's life are theirs."""

from enum import StrEnum


class Role(StrEnum):
    """Who somebody is to the desk; `system` is Patchbay itself, when time has come."""

    REQUESTER = "requester"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"
    INGEST = "ingest"
    SYSTEM = "system"


#: Those who work on tickets.
STAFF = frozenset({Role.AGENT, Role.LEAD, Role.ADMIN})
#: Those who work on tickets, and those whose tickets they are.
WITH_REQUESTERS = STAFF | {Role.REQUESTER}
#: Those who work on tickets, and those who hand in tickets and read none.
WITH_INGEST = STAFF | {Role.INGEST}
#: Every role that a key may have.
EVERYBODY = WITH_REQUESTERS | WITH_INGEST
#: Those who may do what undoes the decision of somebody else.
LEADS = frozenset({Role.LEAD, Role.ADMIN})
