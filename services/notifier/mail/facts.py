"""What a mail says beyond its event: links, times, files, and the names it goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file of a comment: a link to it, or the content where it comes along with the mail."""

    name: str
    url: str | None
    media_type: str = "application/octet-stream"
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news in a digest; `at` is an RFC 3339 time."""

    at: str
    subject: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class MailFacts:
    """Everything about one mail that does not stand in its event.

    `message_id` and `references` (oldest first, the ticket's own first) have their angle brackets.
    Times are RFC 3339 or None. `return_path` is the envelope sender, `reply_to` an address.
    """

    message_id: str
    references: Sequence[str]
    return_path: str
    reply_to: str | None = None
    locale: str | None = None
    zone: str = "UTC"
    status_url: str = ""
    rating_urls: Sequence[str] = ()
    ticket_url: str = ""
    unsubscribe_url: str = ""
    opens_at: str | None = None
    closes_at: str | None = None
    reopen_until: str | None = None
    files: Sequence[MailFile] = ()
    entries: Sequence[Entry] = ()
    more: int = 0

    def values(self) -> dict[str, Any]:
        """Return what templates see."""
        names = (
            *("status_url", "rating_urls", "ticket_url", "unsubscribe_url", "opens_at"),
            *("closes_at", "reopen_until", "files", "entries", "more"),
        )
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Complete:
    """An event in wire form with everything that templates may ask for.

    Templates are strict about names; what an event may leave out is None or empty here.
    """

    ticket: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)


#: What not every event has.
_DATA: dict[str, Any] = {
    "assignment": None,
    "comment": None,
    "escalated": False,
    "from_agent": None,
    "into": None,
    "note": None,
    "offered_until": None,
    "reason": None,
    "returned_from": None,
    "sla": (),
    "until": None,
}
_RESOLUTION = {"summary": "", "cause": None, "steps_taken": None, "lessons_learned": None}


def complete(event: Mapping[str, Any]) -> Complete:
    """Return the parts of an event in wire form, with nothing missing."""
    data = {**_DATA, **event["data"]}
    ticket = dict(data.pop("ticket"))
    if ticket.get("resolution"):
        ticket["resolution"] = {**_RESOLUTION, **ticket["resolution"]}
    if data["comment"]:
        author = {"name": None, **data["comment"]["author"]}
        data["comment"] = {**data["comment"], "author": author}
    return Complete(ticket, data)
