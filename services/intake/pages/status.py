"""/t/{token}: the page of a ticket, for whoever has its link."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from flask import Blueprint, Response, g, request

from services.intake import repository
from services.intake.api.http import parts
from services.intake.api.visitor_address import address_of
from services.intake.pages import problems
from services.intake.pages.acting import ACTOR, WITH_FILES, Deed, act, deed_of
from services.intake.pages.catalogues import Texts
from services.intake.pages.form_body import Form, read_form
from services.intake.pages.once import first_time
from services.intake.pages.page_files import take_files
from services.intake.pages.render import see_other, texts
from services.intake.pages.showing import Typed, show
from services.intake.pages.site import site
from services.intake.pages.stranger_limits import Counted
from services.intake.pages.ticket_view import Action
from services.intake.pages.visitor import from_elsewhere
from shared.domain.errors import Conflict, InvalidInput, TooLarge, Unavailable
from shared.domain.work import ListName

blp = Blueprint("status_page", __name__)
problems.register(blp)


@blp.route("/t/<token>", methods=["GET"])
def status_page(token: str) -> Response:
    """Show how a ticket stands."""
    return show("status.html", token, Typed())


@blp.route("/t/<token>/rate", methods=["GET"])
def rating_page(token: str) -> Response:
    """Ask for the one click that rates.

    The link in a mail changes nothing by being opened: mail scanners open links, with and without
    scripts, and would rate in the customer's name.
    """
    score = request.args.get("score", "")
    return show("rate.html", token, Typed(score=int(score) if score in set("12345") else None))


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
        return show("status.html", token, _typed(deed, form, errors, 429))
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
        return show("status.html", token, _typed(deed, form, errors, 422))
    try:
        shown_id = _do(ticket_id, deed, f"{form_token.nonce}/{deed.action}")
    except (Conflict, InvalidInput):
        return show("status.html", token, _typed(deed, form, {"": t("error.changed")}, 409))
    except TooLarge:
        errors = {f"{deed.action}-files": t("problem.too_large")}
        return show("status.html", token, _typed(deed, form, errors, 413))
    except Unavailable:
        return show("status.html", token, _typed(deed, form, {"": t("error.unavailable")}, 503))
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
