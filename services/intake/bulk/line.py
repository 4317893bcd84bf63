"""A line of a bulk body that was read, and what became of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from shared.domain.errors import InvalidInput, PatchbayError

#: The statuses of what a line can be refused for; `services.intake.api.catalogue` has them all.
STATUSES = {
    "malformed-request": 400,
    "infected": 403,
    "not-found": 404,
    "conflict": 409,
    "not-scanned-yet": 409,
    "too-large": 413,
    "invalid-input": 422,
    "idempotency-key-reused": 422,
    "internal-error": 500,
    "unavailable": 503,
}


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line that is acceptable: what its schema loaded, its key, and a hash of what it asks."""

    number: int
    content: Mapping[str, Any]
    key: str | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class Made:
    """The ticket of a line. `fresh` if this line made it; an id only if it was made."""

    fresh: bool
    ticket_id: str | None = None
    number: int | None = None


#: What became of a line.
Outcome = Made | PatchbayError


def result(line: int, outcome: Outcome) -> dict[str, Any]:
    """Return a document of `shared.schemas.bulk.LineResultSchema`."""
    if isinstance(outcome, Made):
        told: dict[str, Any] = {"line": line, "status": 201 if outcome.fresh else 200}
        if outcome.ticket_id is not None:
            told |= {"id": outcome.ticket_id, "number": outcome.number}
        return told
    status = STATUSES[outcome.code]
    problem: dict[str, Any] = {
        "type": f"/docs/problems#{outcome.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": outcome.code,
        "detail": outcome.detail,
    }
    if isinstance(outcome, InvalidInput) and outcome.errors:
        problem["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in outcome.errors]
    return {"line": line, "status": status, "problem": problem}
