"""Which mails an event sends, and to whom. Pure: an event's data in, people and kinds out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.notifier.mail.recipient import Recipient, person
from shared.domain.delivery import MailKind
from shared.domain.event import EventType

Data = Mapping[str, Any]
#: A mail: which one, and who gets it.
Mail = tuple[MailKind, Recipient]


def mails_of(event_type: str, data: Data, alerts_to: Sequence[str] = ()) -> list[Mail]:
    """Return the mails of an event; nobody gets two.

    `data` is the event's, in wire form. `alerts_to` are the addresses that are told of times that
    pass for tickets nobody has. What is imported or erased tells nobody.
    """
    choose = _CHOICES.get(event_type)
    if choose is None or data.get("imported") or data["ticket"]["requester"].get("erased"):
        return []
    found: dict[str, Mail] = {}
    for kind, recipient in choose(data, alerts_to):
        if recipient is not None:
            found.setdefault(recipient.address.lower(), (kind, recipient))
    return list(found.values())


_Choice = Sequence[tuple[MailKind, Recipient | None]]


def _requester(data: Data) -> Recipient | None:
    return person(data["ticket"]["requester"])


def _to_requester(kind: MailKind) -> Callable[[Data, Sequence[str]], _Choice]:
    return lambda data, _: [(kind, _requester(data))]


def _assigned(data: Data, _: Sequence[str]) -> _Choice:
    new, before = data["assignment"]["agent"], data.get("from_agent")
    told: list[tuple[MailKind, Recipient | None]] = [(MailKind.TICKET_ASSIGNED, person(new))]
    if before and before["id"] != new["id"]:
        told.append((MailKind.TICKET_REASSIGNED, person(before)))
    return told


def _offered(data: Data, _: Sequence[str]) -> _Choice:
    return [(MailKind.TICKET_OFFERED, person(data["assignment"]["agent"]))]


def _taken_away(name: str) -> Callable[[Data, Sequence[str]], _Choice]:
    return lambda data, _: [(MailKind.TICKET_REASSIGNED, person(data[name]))]


def _commented(data: Data, _: Sequence[str]) -> _Choice:
    comment = data["comment"]
    if comment["author"]["kind"] == "requester":
        return [(MailKind.ANSWER_ARRIVED, person(data["ticket"]["assignee"]))]
    if comment["visibility"] != "public":
        return []
    return [(MailKind.TICKET_ANSWERED, _requester(data))]


def _closed(data: Data, _: Sequence[str]) -> _Choice:
    """Ask for a rating with the news that it is closed, where there is a solution to rate."""
    ticket = data["ticket"]
    asks = ticket["resolution"] is not None and not ticket["satisfaction"]
    kind = MailKind.RATING_REQUESTED if asks else MailKind.TICKET_CLOSED
    return [(kind, _requester(data))]


def _time_passed(kind: MailKind) -> Callable[[Data, Sequence[str]], _Choice]:
    def choose(data: Data, alerts_to: Sequence[str]) -> _Choice:
        holder = person(data["ticket"]["assignee"])
        if holder is not None:
            return [(kind, holder)]
        return [(kind, Recipient("", address, None)) for address in alerts_to]

    return choose


_CHOICES: dict[str, Callable[[Data, Sequence[str]], _Choice]] = {
    EventType.TICKET_CREATED: _to_requester(MailKind.TICKET_RECEIVED),
    EventType.TICKET_PENDING: _to_requester(MailKind.DETAILS_NEEDED),
    EventType.TICKET_HELD: _to_requester(MailKind.STATUS_CHANGED),
    EventType.TICKET_RESUMED: _to_requester(MailKind.STATUS_CHANGED),
    EventType.TICKET_REOPENED: _to_requester(MailKind.STATUS_CHANGED),
    EventType.TICKET_CANCELLED: _to_requester(MailKind.STATUS_CHANGED),
    EventType.TICKET_MERGED: _to_requester(MailKind.STATUS_CHANGED),
    EventType.TICKET_COMMENTED: _commented,
    EventType.TICKET_RESOLVED: _to_requester(MailKind.TICKET_RESOLVED),
    EventType.TICKET_CLOSED: _closed,
    EventType.TICKET_ASSIGNED: _assigned,
    EventType.TICKET_OFFERED: _offered,
    EventType.TICKET_TRANSFERRED: _taken_away("from_agent"),
    EventType.TICKET_RETURNED: _taken_away("returned_from"),
    EventType.TICKET_SLA_WARNED: _time_passed(MailKind.SLA_WARNED),
    EventType.TICKET_SLA_BREACHED: _time_passed(MailKind.SLA_BREACHED),
}

#: Events that may send a mail; the bodies of others need not be read.
TELLING = frozenset(_CHOICES)
