"""The page of a ticket, put together from what its requester may know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Response, request

from services.intake import repository
from services.intake.api.http import parts
from services.intake.pages.blanks import Blanks
from services.intake.pages.page_files import KeptFile
from services.intake.pages.public_repository import (
    MAX_MESSAGES,
    number_of,
    public_attachments,
    public_comments,
)
from services.intake.pages.render import date_words, page, texts
from services.intake.pages.site import site
from services.intake.pages.ticket_view import Action, actions, facts, next_steps
from services.intake.pages.visitor import locale_of
from shared.db.engine import Row
from shared.domain.comment import AuthorKind
from shared.domain.public_status import PublicStatus
from shared.domain.ticket import TicketStatus

#: The way of a ticket that goes well, as the page draws it.
STAGES = (
    PublicStatus.RECEIVED,
    PublicStatus.IN_PROGRESS,
    PublicStatus.SOLVED,
    PublicStatus.CLOSED,
)
_ON_THE_WAY = {PublicStatus.WAITING_FOR_YOU: 1, PublicStatus.ON_HOLD: 1}


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed that could not be done, and why."""

    texts: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    score: int | None = None
    status: int = 200
    files: Sequence[KeptFile] = ()


def show(template: str, token: str, typed: Typed) -> Response:
    """Return a page about the ticket behind a token; raises BadToken or NotFound."""
    app, found, t = parts(), site(), texts()
    ticket_id = found.links.ticket_id(token)
    with app.database.reading() as connection:
        ticket, _ = repository.ticket(connection, ticket_id)
        comments = public_comments(connection, ticket_id)
        attached = public_attachments(connection, ticket_id, [row["id"] for row in comments])
        joined = number_of(connection, ticket["merged_into_id"])
    now = app.now()
    shown = facts(ticket)
    rating = ticket["satisfaction"]
    day = date_words(locale_of(request, t.language))
    done = request.args.get("done", "")
    return page(
        template,
        typed.status,
        token=token,
        form_token=found.tokens.issue(ticket_id).text,
        facts=shown,
        steps=next_steps(ticket, now, app.rules, t, day, joined),
        stages=STAGES,
        stage=_stage(shown.status),
        question=_question(ticket),
        solution=(ticket["resolution"] or {}).get("summary"),
        messages=_messages(ticket, comments, attached),
        shortened=len(comments) > MAX_MESSAGES,
        allowed=actions(ticket, now, app.rules),
        rating=rating,
        score=typed.score or (rating or {}).get("score"),
        texts=Blanks(typed.texts),
        errors=Blanks(typed.errors),
        done=done if done in set(Action) else None,
        files=typed.files,
        file_rules=app.files.receiving.rules,
    )


def _stage(status: PublicStatus) -> int | None:
    if status in STAGES:
        return STAGES.index(status)
    return _ON_THE_WAY.get(status)


def _question(ticket: Row) -> str | None:
    if ticket["status"] is not TicketStatus.PENDING_CUSTOMER:
        return None
    note: str | None = (ticket["hold"] or {}).get("note")
    return note


def _messages(
    ticket: Row, comments: list[Row], attached: Mapping[str | None, list[Row]]
) -> list[dict[str, Any]]:
    """Return what was said, the ticket's own text first, each with its attachments."""
    first = {
        "own": True,
        "name": None,
        "at": ticket["created_at"],
        "body": ticket["description"],
        "files": attached.get(None, []),
    }
    said = [
        {
            "own": row["author_kind"] is AuthorKind.REQUESTER,
            # The name of a program is the desk's own business.
            "name": row["author_name"] if row["author_kind"] is AuthorKind.AGENT else None,
            "at": row["created_at"],
            "body": row["body"],
            "files": attached.get(row["id"], []),
        }
        for row in comments[-MAX_MESSAGES:]
    ]
    return [first, *said] if len(comments) <= MAX_MESSAGES else said
