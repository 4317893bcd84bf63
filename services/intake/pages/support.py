"""/support: the form, and the page that confirms what was sent."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta

from flask import Blueprint, Response, request

from services.intake import repository
from services.intake.api.http import parts
from services.intake.api.visitor_address import address_of
from services.intake.pages import problems
from services.intake.pages.blanks import Blanks
from services.intake.pages.catalogues import Texts
from services.intake.pages.fields import FIELDS, TYPES, links_of, mistakes, shown_values, ticket_of
from services.intake.pages.form_body import Form, read_form
from services.intake.pages.form_tokens import FormToken
from services.intake.pages.page_files import KeptFile, take_files
from services.intake.pages.render import date_words, page, see_other, texts
from services.intake.pages.site import site
from services.intake.pages.stranger_limits import Counted
from services.intake.pages.submitting import ACTOR, places, submit
from services.intake.pages.ticket_view import facts, next_steps
from services.intake.pages.visitor import from_elsewhere, locale_of
from shared.domain.errors import IdempotencyMismatch, InvalidInput, TooLarge, Unavailable
from shared.domain.support_field import SupportField

SUBJECT = "support"
#: Hidden from people; programs fill in whatever looks like a form field.
HONEYPOT = "website"

blp = Blueprint("pages", __name__)
problems.register(blp)


@blp.route("/support", methods=["GET"])
def support_form() -> Response:
    """Show the form; values in the address fill it in beforehand."""
    given = {field.name: request.args.get(field.name, "") for field in FIELDS}
    return _form(site().tokens.issue(SUBJECT), given, texts())


@blp.route("/support", methods=["POST"])
def send_support_form() -> Response:
    """Make a ticket of the form and lead to its confirmation; otherwise say what is wrong."""
    with ExitStack() as stack:
        form = read_form(stack)
        try:
            return _answer(form, texts(form.get("speak") or form.get("lang")))
        except Unavailable:
            # With the same token: the ticket may be stored all the same, and must not be twice.
            t, tokens = texts(form.get("lang")), site().tokens
            token = tokens.read(form.get("token"), SUBJECT) or tokens.issue(SUBJECT)
            return _form(token, form.values, t, {"": t("error.unavailable")}, 503)


def _answer(form: Form, t: Texts) -> Response:
    found = site()
    token = found.tokens.read(form.get("token"), SUBJECT)
    fresh = token or found.tokens.issue(SUBJECT)
    minutes = found.limits.take(Counted.IP, address_of(request, found.trusted_proxies))
    if minutes is not None:
        return _slow_down(fresh, form, t, t("error.rate_ip", minutes=minutes), minutes)
    values = shown_values(form.values, found.fields)
    files, refused = _files(form, t)
    if form.get("speak"):
        return _form(fresh, form.values, t, files=files)
    errors = {**_doubt(token, form, t), **mistakes(values, t)}
    if refused:
        errors["files"] = " ".join(refused)
    if errors:
        return _form(fresh, form.values, t, errors, 422, files)
    minutes = found.limits.take(Counted.EMAIL, values["email"]) if values["email"] else None
    if minutes is not None:
        return _slow_down(fresh, form, t, t("error.rate_email", minutes=minutes), minutes, files)
    links = links_of(values.get("links", ""))
    try:
        ticket_id = submit(ticket_of(values, t.language), links, files, fresh.nonce)
    except InvalidInput as error:
        reasons = {n: t("error.refused", reason=r) for n, r in places(error).items()}
        return _form(fresh, form.values, t, reasons, 422)
    except TooLarge:
        return _form(fresh, form.values, t, {"files": t("problem.too_large")}, 413)
    except IdempotencyMismatch:
        anew = found.tokens.issue(SUBJECT)
        return _form(anew, form.values, t, {"": t("error.sent_before")}, 409, files)
    return see_other(f"/support/sent/{found.links.token(ticket_id)}", lang=t.language)


send_support_form.media_type = None  # type: ignore[attr-defined]


@blp.route("/support/sent/<token>", methods=["GET"])
def confirmation(token: str) -> Response:
    """Confirm that a ticket is registered."""
    app, t = parts(), texts()
    with app.database.reading() as connection:
        ticket, _ = repository.ticket(connection, site().links.ticket_id(token))
    day = date_words(locale_of(request, t.language))
    steps = next_steps(ticket, app.now(), app.rules, t, day)
    return page("sent.html", facts=facts(ticket), steps=steps, token=token, frameable=True)


def _files(form: Form, t: Texts) -> tuple[list[KeptFile], list[str]]:
    if SupportField.FILES not in site().fields:
        return [], []
    return take_files(form, ACTOR, t)


def _doubt(token: FormToken | None, form: Form, t: Texts) -> dict[str, str]:
    """Return why a form may not come from somebody who filled it in here, in words for them."""
    found = site()
    if from_elsewhere(request):
        return {"": t("error.other_site")}
    if token is None:
        return {"": t("error.stale")}
    if form.get(HONEYPOT):
        return {HONEYPOT: t("error.honeypot")}
    if parts().now() < token.opened_at + found.min_fill:
        return {"": t("error.too_fast")}
    return {}


def _form(
    token: FormToken,
    values: Mapping[str, str],
    t: Texts,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    files: Sequence[KeptFile] = (),
) -> Response:
    found = site()
    return page(
        "support.html",
        status,
        language=t.language,
        frameable=True,
        secret=False,
        token=token.text,
        values={field.name: values.get(field.name, "") for field in FIELDS},
        limits={field.name: field.limit for field in FIELDS},
        errors=Blanks(errors or {}),
        fields=found.fields,
        types=TYPES,
        honeypot=HONEYPOT,
        files=files,
        file_rules=parts().files.receiving.rules,
    )


def _slow_down(
    token: FormToken,
    form: Form,
    t: Texts,
    words: str,
    minutes: int,
    files: Sequence[KeptFile] = (),
) -> Response:
    response = _form(token, form.values, t, {"": words}, 429, files)
    response.headers["Retry-After"] = str(int(timedelta(minutes=minutes).total_seconds()))
    return response
