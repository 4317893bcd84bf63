"""What conditions may know of a ticket, of who sent it and of the time."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.domain.errors import InvalidInput
from shared.domain.expression import Environment, Facts, Kind

#: Characters of a description that conditions see: what a search for words costs is bounded by it.
DESCRIPTION_SEEN = 10_000

_TICKET = {
    "subject": Kind.TEXT,
    "description": Kind.LONG_TEXT,
    "type": Kind.TEXT,
    "category": Kind.ANY,
    "product": Kind.ANY,
    "severity": Kind.ANY,
    "impact": Kind.ANY,
    "urgency": Kind.ANY,
    "priority": Kind.TEXT,
    "channel": Kind.TEXT,
    "team": Kind.ANY,
    "tags": Kind.TEXTS,
    "custom_fields": Kind.DOCUMENT,
    "required_skills": Kind.DOCUMENTS,
    "external_id": Kind.ANY,
    "language": Kind.ANY,
}
_REQUESTER = ("name", "email", "phone", "locale")
_TIME = {
    "now": Kind.MOMENT,
    "hour": Kind.NUMBER,
    "weekday": Kind.NUMBER,
    "date": Kind.TEXT,
}
#: Full names with the column or the key they come from: made once, not for every ticket.
_COLUMNS = tuple((f"ticket.{n}", n) for n in _TICKET if n not in ("description", "language"))
_KEYS = tuple((f"requester.{name}", name) for name in _REQUESTER)


@cache
def ticket_environment() -> Environment:
    """Return the variables `ticket.…`, `requester.…` and `time.…`."""
    variables = {f"ticket.{name}": kind for name, kind in _TICKET.items()}
    variables.update({f"requester.{name}": Kind.ANY for name in _REQUESTER})
    variables.update({f"time.{name}": kind for name, kind in _TIME.items()})
    return Environment(variables)


def ticket_facts(ticket: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> Facts:
    """Return the facts of a ticket, a row of `tickets`, at a moment seen in a time zone.

    `ticket.language` is the language of the requester's locale: `pt` of `pt-BR`. `time.weekday`
    is 1 on Monday and 7 on Sunday (ISO 8601).
    """
    values: dict[str, Any] = {full: ticket[name] for full, name in _COLUMNS}
    values["ticket.description"] = ticket["description"][:DESCRIPTION_SEEN]
    requester = ticket["requester"]
    for full, name in _KEYS:
        values[full] = requester.get(name)
    locale = requester.get("locale")
    values["ticket.language"] = locale and locale.replace("_", "-").partition("-")[0].lower()
    there = now.astimezone(zone)
    values["time.now"] = now.astimezone(UTC)
    values["time.hour"] = there.hour
    values["time.weekday"] = there.isoweekday()
    values["time.date"] = there.date().isoformat()
    return ticket_environment().facts(values)


def columns_of(variables: Iterable[str]) -> frozenset[str]:
    """Return the fields of a ticket behind variables: what must change for an answer to change."""
    found = set()
    for variable in variables:
        group, _, name = variable.partition(".")
        if group == "requester" or variable == "ticket.language":
            found.add("requester")
        elif group == "ticket":
            found.add(name)
    return frozenset(found)


def time_zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name, such as `Europe/Berlin`; raises InvalidInput."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"There is no time zone {name!r}; use an IANA name such as Europe/Berlin."
        raise InvalidInput(message) from error
