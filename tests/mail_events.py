"""Events as mails are made of them: one for every kind, complete and in wire form."""

from typing import Any

from services.notifier.mail.facts import Entry, MailFacts, MailFile
from services.notifier.mail.recipient import Recipient
from shared.domain.delivery import AGENT_MAILS, MailKind

TICKET_ID = "tkt_" + "0" * 31 + "2"
AGENT = {"id": "agt_1", "name": "Ivan Sokolov", "email": "ivan@desk.example"}
BEFORE = {"id": "agt_2", "name": "Olga Weber", "email": "olga@desk.example"}
COMMENT = {
    "id": "cmt_1",
    "ticket_id": TICKET_ID,
    "author": {"kind": "agent", "id": "agt_1", "name": "Ivan Sokolov"},
    "visibility": "public",
    "body": "Which client version is it?\n\nYou find it under “About”.",
    "time_spent_s": 0,
    "merged_from_id": None,
    "attachments": [],
    "created_at": "2026-01-02T03:04:05Z",
}
ANSWER = {
    **COMMENT,
    "author": {"kind": "requester", "id": "rqr_1", "name": "Mira Petrova"},
    "body": "It is version 4.2.1.",
}


def clock(move: str) -> dict[str, Any]:
    return {
        "metric": "first_response",
        "type": move,
        "at": "2026-01-02T03:00:00Z",
        "due_at": "2026-01-02T04:00:00Z",
    }


ASSIGNMENT = {"assignment": {"id": "asg_1", "decision_id": "dec_1", "agent": AGENT}}
#: By kind: the type of event, what it has besides the ticket, and how the ticket stands.
EVENTS: dict[MailKind, tuple[str, dict[str, Any], dict[str, Any]]] = {
    MailKind.TICKET_RECEIVED: ("ticket.created", {}, {"status": "new"}),
    MailKind.DETAILS_NEEDED: (
        "ticket.pending",
        {"reason": None, "note": "Which client version is it?", "until": "2026-01-09T09:00:00Z"},
        {"status": "pending_customer"},
    ),
    MailKind.TICKET_ANSWERED: ("ticket.commented", {"comment": COMMENT}, {}),
    MailKind.STATUS_CHANGED: (
        "ticket.held",
        {"reason": "supplier", "note": None, "until": "2026-01-09T09:00:00Z"},
        {"status": "on_hold"},
    ),
    MailKind.TICKET_RESOLVED: ("ticket.resolved", {}, {"status": "resolved"}),
    MailKind.RATING_REQUESTED: ("ticket.closed", {}, {"status": "closed"}),
    MailKind.TICKET_CLOSED: (
        "ticket.closed",
        {},
        {"status": "closed", "resolution": None, "closed_at": "2026-01-02T03:04:05Z"},
    ),
    MailKind.TICKET_ASSIGNED: ("ticket.assigned", ASSIGNMENT, {}),
    MailKind.TICKET_OFFERED: (
        "ticket.offered",
        {**ASSIGNMENT, "offered_until": "2026-01-02T03:14:05Z"},
        {"assignee": None, "status": "new"},
    ),
    MailKind.TICKET_REASSIGNED: (
        "ticket.transferred",
        {"from_team": "first", "from_agent": BEFORE, "escalated": True, "reason": "Needs root."},
        {"assignee": None, "status": "new"},
    ),
    MailKind.ANSWER_ARRIVED: ("ticket.commented", {"comment": ANSWER}, {}),
    MailKind.SLA_WARNED: ("ticket.sla_warned", {"sla": [clock("warn")]}, {}),
    MailKind.SLA_BREACHED: ("ticket.sla_breached", {"sla": [clock("breach")]}, {}),
    MailKind.DIGEST: ("ticket.assigned", ASSIGNMENT, {}),
}
RUSSIAN: dict[str, Any] = {
    "subject": "VPN обрывается каждые десять минут",
    "description": "С сегодняшнего утра.\nПерезагрузка не помогла.",
    "resolution": {"summary": "Мы обновили клиент. Пожалуйста, перезапустите его."},
}


def ticket(**changed: Any) -> dict[str, Any]:
    requester = {
        "id": "rqr_1",
        "name": "Mira Petrova",
        "email": "mira@example.com",
        "phone": None,
        "locale": "en",
    }
    requester |= changed.pop("requester", {})
    return {
        "id": TICKET_ID,
        "number": 123,
        "subject": "VPN drops every ten minutes",
        "description": "Since this morning.\nA restart did not help.",
        "status": "open",
        "priority": "high",
        "team": "network",
        "sla_policy": None,
        "requester": requester,
        "assignee": AGENT,
        "satisfaction": None,
        "resolution": {"summary": "We updated the client. Please restart it."},
        "expected_resolution_at": "2026-01-03T14:00:00Z",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "resolved_at": "2026-01-02T03:04:05Z",
        "closed_at": None,
        **changed,
    }


def event(kind: MailKind, **changed: Any) -> dict[str, Any]:
    """The event that sends a mail; `changed` are fields of its ticket."""
    event_type, data, state = EVENTS[kind]
    return {
        "id": "evt_" + "0" * 31 + "1",
        "type": event_type,
        "version": 1,
        "timestamp": "2026-01-02T03:04:05.678901Z",
        "sequence": 1,
        "correlation_id": "c",
        "data": {**data, "ticket": ticket(**{**state, **changed})},
    }


def facts(kind: MailKind, **changed: Any) -> MailFacts:
    own, root = f"<own.{kind}@desk.example>", f"<{TICKET_ID}@desk.example>"
    agents = kind in AGENT_MAILS
    page = "https://help.example.com/t/InRrdF8wMTlhMGM"
    found: dict[str, Any] = {
        "message_id": own,
        "references": [root, own],
        "return_path": "support@desk.example",
        "locale": "en",
        "status_url": "" if agents else page,
        "rating_urls": [f"{page}/rate?score={score}" for score in range(1, 6)],
        "ticket_url": "https://desk.example.com/tickets/123" if agents else "",
        "closes_at": "2026-01-07T03:04:05Z",
        "reopen_until": "2026-01-09T03:04:05Z",
    }
    if kind is MailKind.TICKET_RECEIVED:
        found["opens_at"] = "2026-01-02T08:00:00Z"
    if kind is MailKind.TICKET_ANSWERED:
        found["files"] = [
            MailFile("steps.txt", None, "text/plain", b"1. Open the menu.\n"),
            MailFile("recording.mp4", f"{page}/files/att_1"),
        ]
    if kind is MailKind.DIGEST:
        found["entries"] = [
            Entry("2026-01-02T03:04:05Z", "#123 Assigned to you: VPN drops every ten minutes"),
            Entry("2026-01-02T05:30:00Z", "#124 Answer: No sound", "It is version 4.2.1."),
        ]
        found["unsubscribe_url"] = "https://help.example.com/u/InRrdF8wMTlhMGM"
    return MailFacts(**{**found, **changed})


def recipient(kind: MailKind) -> Recipient:
    if kind in AGENT_MAILS:
        return Recipient("Ivan Sokolov", "ivan@desk.example", None, "agt_1")
    return Recipient("Mira Petrova", "mira@example.com", "en", "rqr_1")
