"""What JSON Schema cannot say of a request, and the API refuses all the same, each with why.

A pattern fits the whole detail of an error, and every error of an answer must have its excuse.
"""

import json
import re
from typing import Any

from schemathesis.core.transport import Response

_TEXT = r"(?:'.*'|\".*\")"
_THING = (
    "agent|calendar|comment|job|profile|requester|skill|SLA policy|team|ticket|upload"
    "|filter|scorer|matcher|order"
)

#: Patterns of the details of an error, by the reason why no schema can say this.
RULES: dict[str, tuple[str, ...]] = {
    "it depends on what is stored": (
        rf"There is no (?:{_THING}) {_TEXT}(?:\.|; .*)",
        rf"There is no upload {_TEXT} of yours with content; it may be used or expired\.",
        r"What was delivered before .* is not known any more; begin there\.",
        r"More than \d+ (?:events|at once); narrow it by `created_before`, and ask again\.",
        r"A ticket holds at most 20 attachments\.",
        r"This secret signs already; bring another one\.",
        r"This Idempotency-Key was used before with another request; use a new one\.",
        r"This Idempotency-Key began (a job with other options|with another body); use a new one\.",
    ),
    "it is looked up in a table: IANA's time zones, languages, numbering plans": (
        rf"There is no time zone {_TEXT}; .*",
        rf"{_TEXT} is no language tag; write one such as en or pt-BR \(BCP 47\)\.",
        r"Write the number with its country, such as \+44 20 7946 0000.*",
    ),
    "a list in one text, whose words grow with each release": (
        rf"There is no event type {_TEXT}(, {_TEXT})*; openapi\.json lists them\.",
    ),
    "a cursor is signed": (
        r"This is no cursor of this list; take `next` of its last page\.",
        r"This is no cursor of the [a-z ]+; pass what it gave, unchanged\.",
        rf"This cursor is of the order {_TEXT}; read on in that\.",
    ),
    "members of a list are compared by one of their fields": (r".* is given more than once\.",),
    "fields are compared with each other": (
        rf"The profile uses no plugin {_TEXT}\.",
        r"The absence does not end after it starts\.",
        r"[^ ]+ overlaps with [^ ]+ of [^ ]+; let one end before the other starts\.",
        r"It starts and ends at [0-9:]+; a whole day is 00:00 to 24:00\.",
        r"Give either `ticket_id` or `ticket`\.",
        r"Give the id alone, or the person without the id\.",
        r"Give (the id, or )?at least one of name, email, phone and external_id\.",
        r"Only `[a-z_]+`( or `[a-z_]+`)* takes this\.",
        r"Say (what it waits for|which agent)\.",
        r"A test says this\.",
        r"A secret of your own is shared, for v1; the keys of v1a are made here\.",
        r"Only a requester's confirmation takes this\.",
        r"What a requester says is public\.",
        r"Say since when; what was missed is looked for among all events\.",
    ),
    "it has a grammar of its own: addresses, URLs, CEL, searches": (
        r"The quotation mark at character \d+ has no partner\.",
        r"\d+ words and filters; \d+ are the most\.",
        r"At character \d+: .*",
        rf"There is no field {_TEXT} \(character \d+\); did you mean .*",
        r"Line \d+, column \d+: .*",
        # `format: email` allows comments and quotes (RFC 5322), and any length.
        r"Not a valid email address\.",
        r"Longer than maximum length 254\.",
        r"Not a URL: .*",
        r"Give a whole URL that begins with https:// or http://\.",
        r"A name or password in a URL is not taken\.",
        r"a webhook url (has|must) .*",
        r"the webhook url (has no valid host|cannot be read)",
        r"the host in brackets is not an IPv6 address",
        r"port 0 cannot be reached",
        r"destination not allowed",
        r"No answer from the name servers of this host within 3 s\.",
        # How many bytes base64 stands for, and whether they are random.
        r"A webhook secret (has \d+ to \d+ bytes|must be base64)\.",
        r"A webhook secret must be random; this one can be guessed\.",
    ),
    "names of headers are compared in any case, and reserved by table and prefix": (
        r"A name is 1 to 64 letters, digits and hyphens, and does not begin with a hyphen\.",
        rf"{_TEXT} is reserved: Patchbay sets it, or something on the way acts on it\.",
        r"The same header is given more than once\.",
    ),
    "a length of time is compared as a time: PT24H is P1D": (
        r"Must be at least 1 second and at most 30 days\.",
        r"Must be at least a minute and at most 366 days of working time\.",
    ),
    "PostgreSQL cannot keep it": (r"The NUL character is not allowed\.",),
    "what JSON calls a number may be larger than what is kept exactly": (
        r"The body holds a number too large to be kept exactly, about [-+.e\d]+; .*",
        r"A number this large cannot be kept exactly; send it as text\.",
    ),
    "limits are settings": (
        r"The body has more than \d+ lines\. Send it in parts\.",
        r"At most \d+ files can be attached at once\.",
        r".* Compress it, or put it on a file host and attach the link: .*",
    ),
    "the content of a file says what it is": (
        r"Add at least one file\.",
        r"Only files are taken here; each part needs a filename\.",
        r"The file is empty\.",
    ),
}

_PATTERNS = tuple(re.compile(p, re.DOTALL) for patterns in RULES.values() for p in patterns)

CALENDAR = "text/calendar"
LINES = ("application/x-ndjson", "application/jsonl")
MAIL = "message/rfc822"


def is_excused(
    check: str, response: Response, message: str = "", before: Response | None = None
) -> bool:
    """Tell whether a check failed for a reason that is given here; `message` is what it says.

    `before` is the answer that led to this request.
    """
    if check == "ensure_resource_availability":
        # It was made, and deleted, in another chain; its key remembers how it was made.
        return before is not None and _is_first_answer(before)
    if check in ("negative_data_rejection", "missing_required_header"):
        return _is_first_answer(response) or _is_line(response, message)
    if check != "positive_data_acceptance" or response.status_code >= 500:
        return False
    problem = json.loads(response.content)
    return all(_is_beyond(error, response) for error in problem.get("errors") or [problem])


def _is_first_answer(response: Response) -> bool:
    """Tell whether it was answered before, by its key: then this request was not looked at."""
    return "idempotency-replayed" in response.headers


def _is_line(response: Response, message: str) -> bool:
    """Tell whether the wrong body is text after all: `null`, say, is a line, refused as a line.

    And a mail, which says nothing, and is answered so.
    """
    in_body = "Invalid component: in body" in message
    if in_body and response.status_code == 200 and _media_type(response) == MAIL:
        return True
    return in_body and response.status_code in (202, 207) and _media_type(response) in LINES


def _is_beyond(error: dict[str, Any], response: Response) -> bool:
    if error.get("pointer", "").startswith("/line/"):
        return _media_type(response) == CALENDAR
    if error["detail"] == "Missing data for required field.":
        # A merge patch of an object is checked as it comes out, over what is stored.
        return response.request.method == "PATCH" and error["pointer"].count("/") > 1
    return any(pattern.fullmatch(error["detail"]) for pattern in _PATTERNS)


def _media_type(response: Response) -> str:
    content_type = response.request.headers.get("Content-Type") or ""
    return content_type.partition(";")[0].strip()
