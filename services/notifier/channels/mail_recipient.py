"""Who a mail is for, as the event names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.delivery import MailKind


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person in an event; nothing about the address is checked yet."""

    name: str
    address: str
    locale: str | None


def recipient_of(kind: MailKind, event: Mapping[str, Any]) -> Recipient | None:
    """Return the agent for an assignment and the requester otherwise; None without an address.

    `event` is the decoded body of the event.
    """
    data = event["data"]
    if kind is MailKind.TICKET_ASSIGNED:
        person = data["assignment"]["agent"]
    else:
        person = data["ticket"]["requester"]
    if not person.get("email"):
        return None
    return Recipient(person.get("name") or "", person["email"], person.get("locale"))
