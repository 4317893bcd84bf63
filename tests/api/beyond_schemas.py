"""What JSON Schema cannot say of a request, and the API refuses all the same, each with why."""

import json
import re
from typing import Any

from schemathesis.core.transport import Response

#: Patterns of the details of an error, by the reason why no schema can say this.
RULES: dict[str, tuple[str, ...]] = {
    "it depends on what is stored": (
        r"There is no (agent|calendar|profile|requester|skill|SLA policy|team|ticket|upload).*",
        r"There is no (filter|scorer|matcher|order|plugin).*",
        r"(.+) is no (profile|plugin|filter|scorer|matcher|order|agent|team).*",
    ),
    "it is looked up in a table: IANA's time zones, languages, numbering plans": (
        r"There is no time zone .*",
        r".* is no language tag; .*",
        r"Write the number with its country, .*",
    ),
    "a cursor is signed": (
        r"This is no cursor of this list; .*",
        r"This cursor is of the order .*",
    ),
    "a key belongs to its first request": (
        r"This Idempotency-Key was used before with another request; .*",
    ),
    "members of a list are compared by one of their fields": (r".* is given more than once\.",),
    "fields are compared with each other": (
        r"The absence does not end after it starts\.",
        r".* overlaps with .*",
        r"It starts and ends at .*",
        r"Give either `ticket_id` or `ticket`\.",
        r"Longer than maximum length 254\.",
        r"Give the id alone, or the person without the id\.",
        r"Give (the id, or )?at least one of name, email, phone and external_id\.",
        r"Only `.*` takes this\.",
        r"Say (what it waits for|which agent)\.",
        r"A test says this\.",
        r"What a requester says is public\.",
        r"Not a valid email address\.",
    ),
    "it has a grammar of its own: entity tags, iCalendar, URLs, CEL": (
        r"If-Match must be \*, or entity tags .*",
        r"Line \d+, column \d+: .*",
        r"(Not a URL|a webhook url|Give a whole URL|A name or password in a URL) ?.*",
        r"destination not allowed",
    ),
    "the unit counts": (r"Must be at least .* and at most .* days.*",),
    "PostgreSQL cannot keep it": (r"The NUL character is not allowed\.",),
    "what JSON calls a number may be larger than what is kept exactly": (
        r"The body holds a number too large to be kept exactly, .*",
        r"A number this large cannot be kept exactly; .*",
    ),
    "limits are settings": (r".* Compress it, or put it on a file host .*",),
    "the content of a file says what it is": (
        r"Add at least one file\.",
        r"Only files are taken here; each part needs a filename\.",
        r"The file is empty\.",
    ),
}

_PATTERNS = tuple(re.compile(p, re.DOTALL) for patterns in RULES.values() for p in patterns)


def is_excused(check: str, response: Response) -> bool:
    """Tell whether a check failed for a reason that is given here."""
    if check == "negative_data_rejection":
        # It answers for the first request with its key, so this one was not looked at.
        return "idempotency-replayed" in response.headers
    if check != "positive_data_acceptance" or response.status_code >= 500:
        return False
    problem = json.loads(response.content)
    merged = response.request.method == "PATCH"
    return all(_is_beyond(error, merged=merged) for error in problem.get("errors") or [problem])


def _is_beyond(error: dict[str, Any], *, merged: bool) -> bool:
    if error.get("pointer", "").startswith("/line/"):
        return True  # of an iCalendar file
    if merged and error["detail"] == "Missing data for required field.":
        return True  # a merge patch is checked as it comes out, over what is stored
    return any(pattern.fullmatch(error["detail"]) for pattern in _PATTERNS)
