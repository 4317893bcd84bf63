"""/support/assets and the script that other sites embed the form by."""

from flask import Blueprint, Response, request

from services.intake.pages.site import Asset, site
from shared.domain.errors import NotFound

blp = Blueprint("page_assets", __name__)

#: With `?v=` the address changes with the content (RFC 8246 immutable).
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_WHILE = "public, max-age=3600"


@blp.route("/support/assets/<name>")
def asset(name: str) -> Response:
    """Return a style sheet or script of the pages."""
    return _send(_find(name))


@blp.route("/support/embed.js")
def embed_script() -> Response:
    """Return the script that puts a button for the form on another site."""
    response = _send(_find("embed.js"))
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _find(name: str) -> Asset:
    found = site().assets.get(name)
    if found is None:
        message = f"There is no file {name!r}."
        raise NotFound(message)
    return found


def _send(found: Asset) -> Response:
    response = Response(found.content, content_type=found.media_type)
    response.set_etag(found.tag)
    immutable = request.args.get("v") == found.tag
    response.headers["Cache-Control"] = _FOR_EVER if immutable else _FOR_A_WHILE
    response.make_conditional(request)
    return response
