"""What a search shows of the tickets it found: as they are now, with the words where they stand."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from shared.db.search import sources
from shared.db.search.document import Audience
from shared.domain.comment import Visibility
from shared.domain.search.highlight import Piece, highlight
from shared.domain.search.question import Question
from shared.schemas.search import FoundTicketSchema

#: Highlights of one ticket at the most, the more telling fields first.
MAX_HIGHLIGHTS = 5

_ticket_schema = FoundTicketSchema()


def documents(
    connection: Connection,
    found: Sequence[tuple[str, float | None]],
    question: Question,
    audience: Audience,
) -> list[dict[str, Any]]:
    """Return hits in wire form from ticket ids and scores, in their order."""
    ids = [ticket_id for ticket_id, _ in found]
    rows = {row["id"]: row for row in sources.tickets(connection, ids)}
    wanted = question.wanted_terms
    said = sources.comments(connection, ids) if wanted and ids else {}
    shown = []
    for ticket_id, score in found:
        ticket = rows[ticket_id]
        comments = [row for row in said.get(ticket_id, []) if _may_see(row, audience)]
        parts = _highlights(ticket, comments, wanted) if wanted else iter(())
        highlights = [part for part, _ in zip(parts, range(MAX_HIGHLIGHTS), strict=False)]
        document = _ticket_schema.dump(ticket)
        shown.append({"ticket": document, "score": score, "highlights": highlights})
    return shown


def _may_see(comment: Mapping[str, Any], audience: Audience) -> bool:
    return audience is Audience.STAFF or comment["visibility"] == Visibility.PUBLIC


def _highlights(
    ticket: Mapping[str, Any], comments: Sequence[Mapping[str, Any]], wanted: frozenset[str]
) -> Iterator[dict[str, Any]]:
    for field, comment_id, text in _texts(ticket, comments):
        pieces = highlight(text, wanted) if text else []
        if pieces:
            shown = [_piece(piece) for piece in pieces]
            yield {"field": field, "comment_id": comment_id, "pieces": shown}


def _piece(piece: Piece) -> dict[str, Any]:
    return {"text": piece.text, "match": piece.match}


def _texts(
    ticket: Mapping[str, Any], comments: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str | None, str | None]]:
    requester = ticket["requester"] or {}
    yield "subject", None, ticket["subject"]
    for text in ticket["error_messages"] or []:
        yield "error_messages", None, text
    yield "description", None, ticket["description"]
    for comment in comments:
        yield "comment", comment["id"], comment["body"]
    yield "requester.name", None, requester.get("name")
    yield "requester.email", None, requester.get("email")
    yield "steps_to_reproduce", None, ticket["steps_to_reproduce"]
