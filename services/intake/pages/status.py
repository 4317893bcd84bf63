"""/t/{token}: the page of a ticket, for whoever has its link."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, Response, g, request

from services.intake import repository
from services.intake.api.http import parts
from services.intake.pages import problems
from services.intake.pages.acting import ACTOR, WITH_FILES, Deed, act, deed_of
from services.intake.pages.blanks import Blanks
from services.intake.pages.catalogues import Texts
from services.intake.pages.form_body import Form, read_form
from services.intake.pages.once import first_time
from services.intake.pages.page_files import KeptFile, take_files
from services.intake.pages.public_repository import (
    MAX_MESSAGES,
    number_of,
    public_attachments,
    public_comments,
)
from services.intake.pages.render import date_words, page, see_other, texts
from services.intake.pages.site import site
from services.intake.pages.stranger_limits import Counted
from services.intake.pages.ticket_view import Action, actions, facts, next_steps
from services.intake.pages.visitor import address_of, from_elsewhere, locale_of
from shared.db.engine import Row
from shared.domain.comment import AuthorKind
from shared.domain.errors import Conflict, InvalidInput, TooLarge, Unavailable
from shared.domain.public_status import PublicStatus
from shared.domain.ticket import TicketStatus
from shared.domain.work import ListName

#: The way of a ticket that goes well, as the page draws it.
STAGES = (
    PublicStatus.RECEIVED,
    PublicStatus.IN_PROGRESS,
    PublicStatus.SOLVED,
    PublicStatus.CLOSED,
)
_ON_THE_WAY = {PublicStatus.WAITING_FOR_YOU: 1, PublicStatus.ON_HOLD: 1}

blp = Blueprint("status_page", __name__)
problems.register(blp)


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed that could not be done, and why."""

    texts: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    score: int | None = None
    status: int = 200
    files: Sequence[KeptFile] = ()


@blp.route("/t/<token>", methods=["GET"])
def status_page(token: str) -> Response:
    """Show how a ticket stands."""
    return _show("status.html", token, Typed())


@blp.route("/t/<token>/rate", methods=["GET"])
def rating_page(token: str) -> Response:
    """Ask for the one click that rates.

    The link in a mail changes nothing by being opened: mail scanners open links, with and without
    scripts, and would rate in the customer's name.
    """
    score = request.args.get("score", "")
    return _show("rate.html", token, Typed(score=int(score) if score in set("12345") else None))


@blp.route("/t/<token>", methods=["POST"])
def act_on_ticket(token: str) -> Response:
    """Do what the customer wants, and show the ticket afterwards."""
    ticket_id = site().links.ticket_id(token)
    with ExitStack() as stack:
        form = read_form(stack)
        t = texts(form.get("lang"))
        deed, errors = deed_of(form, t)
        if deed is None:
            return problems.problem_page(422)
        return _answer(token, ticket_id, form, deed, errors, t)


def _answer(
    token: str, ticket_id: str, form: Form, deed: Deed, errors: dict[str, str], t: Texts
) -> Response:
    found = site()
    form_token = found.tokens.read(form.get("token"), ticket_id)
    minutes = found.limits.take(Counted.IP, address_of(request, found.trusted_proxies))
    if minutes is not None:
        errors = {"": t("error.rate_ip", minutes=minutes)}
        return _show("status.html", token, _typed(deed, form, errors, 429))
    if deed.action in WITH_FILES:
        files, refused = take_files(form, ACTOR, t)
        deed = replace(deed, files=files)
        if refused:
            errors[f"{deed.action}-files"] = " ".join(refused)
    if from_elsewhere(request):
        errors = {"": t("error.other_site"), **errors}
    elif form_token is None:
        errors = {"": t("error.stale"), **errors}
    if errors or form_token is None:
        return _show("status.html", token, _typed(deed, form, errors, 422))
    try:
        shown_id = _do(ticket_id, deed, f"{form_token.nonce}/{deed.action}")
    except (Conflict, InvalidInput):
        return _show("status.html", token, _typed(deed, form, {"": t("error.changed")}, 409))
    except TooLarge:
        errors = {f"{deed.action}-files": t("problem.too_large")}
        return _show("status.html", token, _typed(deed, form, errors, 413))
    except Unavailable:
        return _show("status.html", token, _typed(deed, form, {"": t("error.unavailable")}, 503))
    shown = token if shown_id == ticket_id else found.links.token(shown_id)
    return see_other(f"/t/{shown}", done=deed.action.value)


act_on_ticket.media_type = None  # type: ignore[attr-defined]


def _do(ticket_id: str, deed: Deed, key: str) -> str:
    app = parts()
    now = app.now()
    with app.database.transaction() as tx:
        member = repository.locked_ticket(tx, ticket_id)
        if not first_time(tx, ACTOR, key, ticket_id, now):
            return ticket_id
        files = app.files.receiving.rules
        shown_id = act(tx, member, deed, now, g.request_id, app.rules, files)
    for name in (ListName.EVENTS, ListName.ROUTING, ListName.MATCHING):
        app.ring(name)
    if deed.files and files.scan:
        app.ring(ListName.SCANNING)
    return shown_id


def _typed(deed: Deed, form: Form, errors: Mapping[str, str], status: int) -> Typed:
    """Keep what was typed, also where the ticket now takes it in another form only."""
    text = form.get(deed.action.value)
    score = form.get("score")
    return Typed(
        {action.value: text for action in Action if action is not Action.RATE}
        if deed.action is not Action.RATE
        else {"rate": text},
        errors,
        int(score) if score in set("12345") else None,
        status,
        deed.files,
    )


def _show(template: str, token: str, typed: Typed) -> Response:
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
