"""/u/{token}: no more mails of a kind, by one click in the mail program or on the page."""

from flask import Blueprint, Response, request

from services.intake.api.http import parts
from services.intake.pages import problems
from services.intake.pages.render import page
from services.intake.pages.site import site
from services.intake.pages.stranger_limits import Counted
from services.intake.pages.visitor import address_of
from shared.db.mail_wishes import switch_off

blp = Blueprint("unsubscribe_page", __name__)
problems.register(blp)


@blp.route("/u/<token>", methods=["GET"])
def unsubscribe_page(token: str) -> Response:
    """Ask for the click: mail scanners open links, and must not unsubscribe anybody."""
    site().links.unsubscribed(token)
    return page("unsubscribe.html", token=token, done=False)


@blp.route("/u/<token>", methods=["POST"])
def unsubscribe(token: str) -> Response:
    """Switch the mails off.

    Also what the button of a mail program posts to (RFC 8058), from a server of its provider:
    without a cookie, a session or a page before it. The token alone says who it is.
    """
    found = site()
    person_id, mail = found.links.unsubscribed(token)
    if found.limits.take(Counted.IP, address_of(request, found.trusted_proxies)) is not None:
        return problems.problem_page(429)
    app = parts()
    with app.database.transaction() as tx:
        switch_off(tx, person_id, mail, app.now())
    return page("unsubscribe.html", token=token, done=True)


unsubscribe.media_type = None  # type: ignore[attr-defined]
