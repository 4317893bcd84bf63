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
    "request-timeout": Entry(
        408, "The body took too long to come.", "Send it again, over a better line, or a link."
    ),
    "not-scanned-yet": Entry(
        409,
        "The virus scan has not seen the file yet.",
        "Try again in a moment; `state` of the attachment tells.",
    ),
    "infected": Entry(
        403,
        "The virus scan found something in the file; it is never handed out.",
        "Ask the sender for another file.",
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
        413,
        "The body, a file or what a ticket holds is larger than the limit, which the detail names.",
        "Send less, compress it, or attach a link to what is too large.",
    ),
    "file-type-refused": Entry(
        415,
        "The content of the file is of a type that is not taken; `detected` says which.",
        "`allowed` lists what is; put it into a ZIP file, or attach a link.",
    ),
    "range-not-satisfiable": Entry(
        416, "The file has no such part.", "Content-Range says how many bytes it has."
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
    "file-refused": Entry(
        422,
        "The file is empty, damaged, encrypted, two formats at once, or would unpack to too much; "
        "`reason` says which.",
        "Send it in another form, or attach a link.",
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
