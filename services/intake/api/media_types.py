"""Media types: of the body that came (RFC 9110 §8.3), of the answer that is wanted (§12.5.1)."""

from collections.abc import Mapping

from flask import Request
from werkzeug.exceptions import UnsupportedMediaType

from shared.domain.errors import NotAcceptable

JSON = "application/json"
#: RFC 7396 §4.
MERGE_PATCH = "application/merge-patch+json"
PROBLEM = "application/problem+json"
#: RFC 5545 §8.1.
ICALENDAR = "text/calendar"

#: RFC 2046 §5.2.1.
MESSAGE = "message/rfc822"

#: What a PATCH takes, as RFC 5789 §3.1 has it told.
ACCEPT_PATCH = f"{MERGE_PATCH}, {JSON}"

#: https://github.com/ndjson/ndjson-spec; https://jsonlines.org calls the same thing by the other.
NDJSON = "application/x-ndjson"
NDJSON_TYPES = (NDJSON, "application/jsonl")

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NAMES = {JSON: "JSON", ICALENDAR: "an iCalendar file", MESSAGE: "a mail", NDJSON: "lines of JSON"}


class MediaTypeRefused(UnsupportedMediaType):
    """The body is of a type or an encoding that is not taken; `headers` say what would do."""

    def __init__(self, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = headers


def check_content_type(request: Request, view: object) -> None:
    """Raise MediaTypeRefused if a body is not of the type that its operation takes.

    JSON, unless the view has a mark: `media_type`, or `media_types` for several. With None the view
    looks for itself. A PATCH takes merge patches by their name too.
    """
    if request.method not in _WITH_BODY:
        return
    wanted = getattr(view, "media_type", JSON)
    given = request.mimetype
    if wanted is None or given == wanted or given in getattr(view, "media_types", ()):
        return
    if request.method == "PATCH":
        if given == MERGE_PATCH:
            return
        message = f"Send a merge patch (RFC 7396): Content-Type: {MERGE_PATCH}."
        raise MediaTypeRefused(message, {"Accept-Patch": ACCEPT_PATCH})
    message = f"Send {_NAMES.get(wanted, wanted)}: Content-Type: {wanted}."
    raise MediaTypeRefused(message, {"Accept": wanted})


def check_accept(request: Request, answers: str = "") -> None:
    """Raise NotAcceptable if the caller takes neither JSON nor the media type `answers`."""
    wanted = request.headers.get("Accept")
    if not wanted or "*/*" in wanted or JSON in wanted:
        return
    accepted = request.accept_mimetypes
    if answers and accepted.quality(answers) > 0:
        return
    if not any(accepted.quality(kind) > 0 for kind in (JSON, PROBLEM, *NDJSON_TYPES)):
        message = f"The answer is JSON, which the Accept header leaves out; send Accept: {JSON}."
        raise NotAcceptable(message)
