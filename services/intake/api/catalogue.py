"""Every problem the API may answer with: its status, what it means and the way out.

A problem's `type` leads to its entry on the page that is made of this.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One problem type."""

    status: int
    meaning: str
    way_out: str


CATALOGUE: dict[str, Entry] = {
    "malformed-request": Entry(
        400, "The request cannot be read.", "Send well-formed JSON; the detail says where it ends."
    ),
    "unauthenticated": Entry(
        401,
        "No API key came along, or one that is unknown, revoked or expired.",
        "Send Authorization: Bearer pbk_…; patchbay keys create makes a key.",
    ),
    "forbidden": Entry(
        403, "The key lacks the scope that the detail names.", "Use a key that has it."
    ),
    "not-found": Entry(404, "There is no such thing.", "Check the id and the path."),
    "method-not-allowed": Entry(
        405, "The path does not know this method.", "The Allow header lists those it knows."
    ),
    "not-acceptable": Entry(406, "The answer cannot be given in that format.", "Accept JSON."),
    "conflict": Entry(
        409,
        "A name or external id is taken, something referred to does not exist, or what is to be "
        "deleted is in use.",
        "Read what is there; the problem names it where that is possible.",
    ),
    "invalid-transition": Entry(
        409,
        "The life of a ticket has no such step from where it stands.",
        "`allowed` lists the steps that there are.",
    ),
    "version-mismatch": Entry(
        412,
        "The ticket or rule set changed since the version that If-Match names.",
        "Read it again and repeat the change.",
    ),
    "too-large": Entry(
        413, "The body is larger than the limit.", "Send less, or a link to what is too large."
    ),
    "unsupported-media-type": Entry(
        415,
        "The Content-Type is not what the operation takes: JSON, or iCalendar for imports.",
        "Send Content-Type: application/json, or text/calendar; the detail says which.",
    ),
    "invalid-input": Entry(
        422,
        "Fields are missing, unknown, of the wrong type or out of range.",
        "`errors` has a JSON Pointer and a reason for each.",
    ),
    "idempotency-key-reused": Entry(
        422,
        "The Idempotency-Key came before with another request.",
        "Use a new key for a new request.",
    ),
    "internal-error": Entry(
        500, "A fault of the service.", "Report it with the request id; the log has the cause."
    ),
    "too-broad": Entry(
        503,
        "The list or search took longer than it may.",
        "Ask for less: a filter more, a shorter span of time, a rarer word.",
    ),
    "unavailable": Entry(
        503, "A dependency, the database most likely, is down.", "Try again after Retry-After."
    ),
}
