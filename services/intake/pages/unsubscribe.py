"""/u/{token}: no more mails of a kind, by one click in the mail program or on the page."""

from flask import Blueprint, Response

from services.intake.api.http import parts
from services.intake.pages import problems
from services.intake.pages.render import page
from services.intake.pages.site import site
from services.intake.pages.stranger_limits import Counted
from shared.db.mail_wishes import switch_off

blp = Blueprint("unsubscribe_page", __name__)
problems.register(blp)


@blp.route("/u/<token>", methods=["GET"])
def unsubscribe_page(token: str) -> Response:
    """Ask for the click: mail scanners open links, and must not unsubscribe anybody."""
    _, mail = site().links.unsubscribed(token)
    return page("unsubscribe.html", token=token, mail=mail, done=False)


@blp.route("/u/<token>", methods=["POST"])
def unsubscribe(token: str) -> Response:
    """Switch the mails off.

    Also what the button of a mail program posts to (RFC 8058), from a server of its provider:
    without a cookie, a session or a page before it. The token alone says who it is.
    """
    found = site()
    person_id, mail = found.links.unsubscribed(token)
    # By person and kind and not by network: a provider posts for many people from few addresses.
    if found.limits.take(Counted.LINK, f"{person_id}/{mail}") is not None:
        return problems.problem_page(429)
    app = parts()
    with app.database.transaction() as tx:
        switch_off(tx, person_id, mail, app.now())
    return page("unsubscribe.html", token=token, mail=mail, done=True)


unsubscribe.media_type = None  # type: ignore[attr-defined]
