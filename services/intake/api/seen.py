"""What the caller may see and set, where the key of a requester may come in.

Every view that such a key reaches answers through here; `shared.schemas.requester_view` declares
what is left.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import g

from shared.domain.errors import FieldError, Forbidden
from shared.domain.role import Role
from shared.schemas import requester_view as view

Shown = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def by_requester() -> bool:
    """Tell whether a requester's key calls."""
    found: bool = g.caller.role is Role.REQUESTER
    return found


def seen_ticket(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the caller sees of a ticket in wire form."""
    return view.ticket_view(document) if by_requester() else document


def seen_comment(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the caller sees of a comment in wire form."""
    return view.comment_view(document) if by_requester() else document


def seen_attachment(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the caller sees of an attachment in wire form."""
    return view.ATTACHMENT(document) if by_requester() else document


def seen_hit(ticket: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the caller sees of a ticket that was searched for, in wire form."""
    return view.FOUND_TICKET(ticket) if by_requester() else ticket


def require_settable(body: Mapping[str, Any]) -> None:
    """Raise Forbidden where the body of a new ticket says what is not the caller's to say."""
    if by_requester():
        _refuse(
            (f"/{name}" for name in body if name in view.NOT_SETTABLE),
            "This is the desk's to set, not the requester's; leave it out.",
        )


def require_filters(names: Iterable[str], place: str = "/query/{}") -> None:
    """Raise Forbidden where tickets are narrowed by what the caller does not see."""
    if by_requester():
        _refuse(
            (place.format(name) for name in names if name in view.NO_FILTERS),
            "A requester does not see this field, so nothing can be narrowed by it.",
        )


def require_fields(names: Iterable[str]) -> None:
    """Raise Forbidden where fields of tickets are asked for that the caller does not see."""
    if by_requester():
        hidden = sorted(set(names) & view.TICKET.withheld)
        detail = f"A requester does not see {', '.join(hidden)}."
        _refuse(["/query/fields"] if hidden else [], detail)


def _refuse(pointers: Iterable[str], detail: str) -> None:
    errors = [FieldError(pointer, detail) for pointer in pointers]
    if errors:
        count = "One field is" if len(errors) == 1 else f"{len(errors)} fields are"
        message = f"{count} not a requester's."
        raise Forbidden(message, errors, role=Role.REQUESTER.value)
