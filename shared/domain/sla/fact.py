"""What clocks go by: how a ticket stands after a change, and what was said in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.domain.sla.policy import Policy
from shared.domain.ticket import Priority

#: Statuses in which what was promised has been done.
DONE = frozenset({"resolved", "closed"})
#: Statuses in which nothing is promised any more.
VOID = frozenset({"cancelled", "merged", "spam"})

_COMMENTED = "ticket.commented"


class Said(StrEnum):
    """Words that move clocks: an agent's public reply, and an answer of the requester."""

    REPLY = "reply"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Fact:
    """A ticket as it is from a moment on, by which policy, and what was said at that moment.

    It is a picture and not a difference: a ticket that was created, reopened, put on hold or given
    another priority is told by the same four fields, and so is that time has passed.
    """

    at: datetime
    status: str
    priority: Priority
    policy: Policy
    said: Said | None = None


def said_before(data: Mapping[str, Any]) -> list[Said]:
    """Return what the event of an imported ticket tells of words from before, in their order.

    A reply if the desk has given one, and an answer if it still waits for the next.
    """
    return [Said(each) for each in data.get("said_before", ())]


def said_in(event_type: str, data: Mapping[str, Any]) -> Said | None:
    """Return what an event of a ticket says to clocks; `data` is the event's, in wire form.

    Only public comments do. One by `api` is neither: a machine's receipt is not the first word
    that was promised.
    """
    if event_type != _COMMENTED or data["comment"]["visibility"] != "public":
        return None
    by = data["comment"]["author"]["kind"]
    return {"agent": Said.REPLY, "requester": Said.ANSWER}.get(by)
