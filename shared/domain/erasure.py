"""What is left of a ticket, its events and its decisions once its requester is erased. Pure.

Number, type, category, product, priority, times, team and tags stay, so that the ticket still
counts; what people wrote goes. Doing it again changes nothing.
"""

from collections.abc import Mapping
from typing import Any

#: Stands where something was erased.
ERASED = "[erased]"

#: Parts of an event's data that are about the desk, not about the requester.
_OF_THE_DESK = frozenset(
    {
        "assignment",
        "changed",
        "declined_by",
        "escalated",
        "expired",
        "into",
        "link",
        "until",
        "from_agent",
        "from_team",
        "offered_until",
        "returned_from",
        "said_before",
        "sla",
    }
)


def erased_fields(ticket: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a ticket, a row or a document, that are different afterwards.

    A document that lacks some of them, as requesters see it, is left without them.
    """
    fields = {
        "subject": ERASED,
        "description": _erased(ticket.get("description")),
        "steps_to_reproduce": _erased(ticket.get("steps_to_reproduce")),
        "error_messages": [],
        "custom_fields": {},
        "external_id": None,
        "requester": {"id": ticket["requester"].get("id"), "name": ERASED, "erased": True},
        "impact_details": None,
        "resolution": _erased(ticket.get("resolution")),
        "hold": _without(ticket.get("hold"), "note"),
        "verification": _without(ticket.get("verification"), "by", "what"),
        "satisfaction": _without(ticket.get("satisfaction"), "comment"),
    }
    return {n: value for n, value in fields.items() if n in ticket and ticket[n] != value}


def is_erased(ticket: Mapping[str, Any]) -> bool:
    """Tell whether a ticket was erased."""
    return bool(ticket["requester"].get("erased"))


def erased_document(ticket: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ticket in wire form without what was erased."""
    return {**ticket, **erased_fields(ticket)}


def erased_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of an answer to a request, a ticket's document or another one."""
    if {"subject", "requester", "version"} <= answer.keys():
        return erased_document(answer)
    return {"id": answer.get("id"), "erased": True}


def erased_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event in wire form without what was erased.

    Of data that is not known to be about the desk every text goes: forgetting to name a new kind of
    data here must not keep what had to be erased.
    """
    data = dict(event["data"])
    ticket = data.pop("ticket")
    rest = {name: _erased_data(event["type"], name, value) for name, value in data.items()}
    return {**event, "data": {"ticket": erased_document(ticket), **rest}}


def erased_explanation(explanation: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decision's record without the texts that may quote the ticket."""
    left = dict(explanation)
    if left.get("rule_errors"):
        left["rule_errors"] = [ERASED for _ in left["rule_errors"]]
    if left.get("faults"):
        left["faults"] = [{**fault, "error": ERASED} for fault in left["faults"]]
    if left.get("by_hand"):
        left["by_hand"] = {**left["by_hand"], "reason": _erased(left["by_hand"].get("reason"))}
    return left


#: Events whose `reason` is a word of ours.
_REASONS_OF_OURS = frozenset({"ticket.waiting", "ticket.held", "ticket.pending"})


def erased_comment(comment: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comment in wire form without what was said; who of the desk said it stays."""
    author = comment["author"]
    if author["kind"] == "requester" and author["name"]:
        author = {**author, "name": ERASED}
    gone = {"body": _erased(comment["body"]), "attachments": []}
    return {**comment, "author": author, **gone}


def _erased_data(event_type: str, name: str, value: Any) -> Any:
    if name in _OF_THE_DESK or (name == "reason" and event_type in _REASONS_OF_OURS):
        return value
    match name:
        case "attachments":
            return []
        case "comment":
            return erased_comment(value)
        case "verification":
            return _without(value, "by", "what")
        case "satisfaction":
            return _without(value, "comment")
        case _:
            return _erased(value)


def _without(document: Mapping[str, Any] | None, *texts: str) -> dict[str, Any] | None:
    """Return a document whose other fields are not the requester's words."""
    if document is None:
        return None
    return {**document, **{name: _erased(document[name]) for name in texts if name in document}}


def _erased(value: Any) -> Any:
    """Replace every text inside of a value; numbers and what is empty stay."""
    if isinstance(value, str):
        return ERASED if value else ""
    if isinstance(value, list):
        return [_erased(inner) for inner in value]
    if isinstance(value, Mapping):
        return {name: _erased(inner) for name, inner in value.items()}
    return value
