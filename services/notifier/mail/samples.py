"""A mail of every kind, made up: what `patchbay mail preview` shows."""

from typing import Any

from services.notifier.mail.facts import Entry, MailFacts, MailFile
from services.notifier.mail.recipient import Recipient
from shared.domain.delivery import AGENT_MAILS, OPTIONAL_MAILS, MailKind

_TICKET_ID = "tkt_" + "0" * 32
_PAGE = "https://help.example.com/t/example"
_AGENT = {"id": "agt_1", "name": "Ivan Sokolov", "email": "ivan@desk.example"}
_WORDS = {
    "en": {
        "subject": "VPN drops every ten minutes",
        "description": "Since this morning.\nA restart did not help.",
        "question": "Which client version is it?\n\nYou find it under “About”.",
        "answer": "It is version 4.2.1.",
        "solution": "We updated the client. Please restart it.",
        "steps": "Took the client out of the old group.\nInstalled version 4.3.",
        "reason": "Needs access to the gateway.",
        "file": "steps.txt",
        "large": "recording.mp4",
    },
    "ru": {
        "subject": "VPN обрывается каждые десять минут",
        "description": "С сегодняшнего утра.\nПерезагрузка не помогла.",
        "question": "Какая у вас версия клиента?\n\nЕё видно в разделе «О программе».",
        "answer": "Версия 4.2.1.",
        "solution": "Мы обновили клиент. Пожалуйста, перезапустите его.",
        "steps": "Убрали клиент из старой группы.\nУстановили версию 4.3.",
        "reason": "Нужен доступ к шлюзу.",
        "file": "шаги.txt",
        "large": "запись.mp4",
    },
}
_STATUS = {
    MailKind.TICKET_RECEIVED: "new",
    MailKind.DETAILS_NEEDED: "pending_customer",
    MailKind.STATUS_CHANGED: "on_hold",
    MailKind.TICKET_RESOLVED: "resolved",
    MailKind.RATING_REQUESTED: "closed",
    MailKind.TICKET_CLOSED: "closed",
}


def words_of(locale: str) -> dict[str, str]:
    """Return what people say in the sample, in the language of a locale or in English."""
    return _WORDS.get(locale.replace("_", "-").partition("-")[0].lower(), _WORDS["en"])


def sample_event(kind: MailKind, locale: str) -> dict[str, Any]:
    """Return an event, in wire form, that would send this mail."""
    words = words_of(locale)
    return {
        "id": "evt_" + "0" * 32,
        "type": "sample",
        "timestamp": "2026-01-02T09:04:05.678901Z",
        "data": {**_data(kind, words), "ticket": _ticket(kind, words, locale)},
    }


def sample_recipient(kind: MailKind) -> Recipient:
    """Return who the mail is for."""
    if kind in AGENT_MAILS:
        return Recipient(_AGENT["name"], _AGENT["email"], None, _AGENT["id"])
    return Recipient("Mira Petrova", "mira@example.com", None, "rqr_1")


def sample_facts(kind: MailKind, locale: str, zone: str) -> MailFacts:
    """Return everything else about the mail."""
    words, agents = words_of(locale), kind in AGENT_MAILS
    own, root = "<sample@desk.example>", f"<{_TICKET_ID}@desk.example>"
    takes_leave = kind in OPTIONAL_MAILS or kind is MailKind.DIGEST
    return MailFacts(
        message_id=own,
        references=[root, own],
        return_path="support@desk.example",
        locale=locale,
        zone=zone,
        status_url="" if agents else _PAGE,
        rating_urls=[f"{_PAGE}/rate?score={score}" for score in range(1, 6)],
        ticket_url="https://desk.example.com/tickets/123" if agents else "",
        unsubscribe_url="https://help.example.com/u/example" if takes_leave else "",
        opens_at="2026-01-05T08:00:00Z" if kind is MailKind.TICKET_RECEIVED else None,
        closes_at="2026-01-07T09:04:05Z",
        reopen_until="2026-01-09T09:04:05Z",
        files=_files(words) if kind is MailKind.TICKET_ANSWERED else (),
        entries=_entries(words) if kind is MailKind.DIGEST else (),
    )


def _files(words: dict[str, str]) -> list[MailFile]:
    large = MailFile(words["large"], f"{_PAGE}/files/example")
    return [MailFile(words["file"], None, "text/plain", b"1.\n"), large]


def _entries(words: dict[str, str]) -> list[Entry]:
    return [
        Entry("2026-01-02T09:04:05Z", f"#123 {words['subject']}"),
        Entry("2026-01-02T11:30:00Z", f"#124 {words['reason']}", words["answer"]),
    ]


def _ticket(kind: MailKind, words: dict[str, str], locale: str) -> dict[str, Any]:
    return {
        "id": _TICKET_ID,
        "number": 123,
        "subject": words["subject"],
        "description": words["description"],
        "status": _STATUS.get(kind, "open"),
        "priority": "high",
        "team": "network",
        "requester": {
            "id": "rqr_1",
            "name": "Mira Petrova",
            "email": "mira@example.com",
            "phone": "+44 20 7946 0000",
            "locale": locale,
        },
        "assignee": _AGENT,
        "satisfaction": None,
        "resolution": {"summary": words["solution"], "steps_taken": words["steps"]},
        "expected_resolution_at": "2026-01-05T14:00:00Z",
        "created_at": "2026-01-02T09:04:05.678901Z",
        "resolved_at": "2026-01-02T12:04:05Z",
        "closed_at": "2026-01-02T12:04:05Z" if kind is MailKind.TICKET_CLOSED else None,
    }


def _data(kind: MailKind, words: dict[str, str]) -> dict[str, Any]:
    comment = {"attachments": [], "visibility": "public"}
    clock = {"metric": "first_response", "at": "2026-01-02T09:00:00Z"}
    due = "2026-01-02T10:00:00Z"
    assignment = {"assignment": {"agent": _AGENT}}
    by_kind: dict[MailKind, dict[str, Any]] = {
        MailKind.DETAILS_NEEDED: {"note": words["question"], "until": "2026-01-09T09:00:00Z"},
        MailKind.STATUS_CHANGED: {"until": "2026-01-09T09:00:00Z"},
        MailKind.TICKET_ANSWERED: {
            "comment": {
                **comment,
                "author": {"kind": "agent", "name": _AGENT["name"]},
                "body": words["question"],
            }
        },
        MailKind.ANSWER_ARRIVED: {
            "comment": {
                **comment,
                "author": {"kind": "requester", "name": "Mira Petrova"},
                "body": words["answer"],
            }
        },
        MailKind.TICKET_ASSIGNED: assignment,
        MailKind.TICKET_OFFERED: {**assignment, "offered_until": "2026-01-02T09:14:05Z"},
        MailKind.TICKET_REASSIGNED: {
            "from_agent": _AGENT,
            "escalated": True,
            "reason": words["reason"],
        },
        MailKind.SLA_WARNED: {"sla": [{**clock, "type": "warn", "due_at": due}]},
        MailKind.SLA_BREACHED: {"sla": [{**clock, "type": "breach", "due_at": due}]},
    }
    return by_kind.get(kind, {})
