"""What goes wrong on a page, as a page."""

from http import HTTPStatus

from flask import Blueprint, Response, g
from werkzeug.exceptions import HTTPException

from services.intake.api.catalogue import CATALOGUE
from services.intake.pages.render import page, texts
from shared.domain.errors import BadToken, PatchbayError
from shared.observability.logging import get_logger

#: What to tell people, by status; `problem.other` for the rest.
_WORDS = {
    400: "unreadable",
    404: "not_found",
    413: "too_large",
    415: "unreadable",
    422: "unreadable",
    429: "too_many",
    500: "crashed",
    503: "unavailable",
}

log = get_logger()


def register(blp: Blueprint) -> None:
    """Answer every error of the pages of a blueprint by a page, and not by a problem document."""
    blp.register_error_handler(PatchbayError, _refused)
    blp.register_error_handler(HTTPException, _http)
    blp.register_error_handler(Exception, _crashed)


def problem_page(status: int) -> Response:
    """Return the page for a status."""
    t = texts()
    name = f"problem.{_WORDS.get(status, 'other')}"
    words = t(name, code=g.get("request_id", "")) if status == 500 else t(name)
    return page("problem.html", status, words=words)


def _refused(error: PatchbayError) -> Response:
    # A forged link and one that leads nowhere look the same.
    status = 404 if isinstance(error, BadToken) else CATALOGUE[error.code].status
    return problem_page(status)


def _http(error: HTTPException) -> Response:
    response = problem_page(error.code or 500)
    if error.code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ())
    return response


def _crashed(error: Exception) -> Response:
    log.error("page.crashed", exc_info=error)
    return problem_page(500)
