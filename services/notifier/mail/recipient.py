"""Who a mail is for, as the event names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person in an event; nothing about the address is checked yet. `id` where they have one."""

    name: str
    address: str
    locale: str | None
    id: str | None = None


def person(found: Mapping[str, Any] | None) -> Recipient | None:
    """Return an agent or requester of an event in wire form; None if no mail reaches them."""
    if not found or not found.get("email"):
        return None
    return Recipient(found.get("name") or "", found["email"], found.get("locale"), found.get("id"))
