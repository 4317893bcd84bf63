"""The fields of the support form: what may be in them, and the ticket that they make."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, validate

from services.intake.pages.catalogues import Texts
from shared.domain.support_field import SupportField
from shared.domain.ticket import Channel, Level, TicketType
from shared.schemas.attachment import MAX_URL_CHARS, web_address

#: Links to large files, one a line.
MAX_LINKS = 5

_LEVELS = tuple(level.value for level in Level)
#: What a customer may ask for; tasks are the desk's own.
TYPES = tuple(each.value for each in TicketType if each is not TicketType.TASK)

_email = validate.Email()


@dataclass(frozen=True, slots=True)
class Field:
    """A field: characters that fit, whether it is needed, its choices if it has some."""

    name: str
    limit: int
    needed: bool = False
    choices: tuple[str, ...] = ()
    #: The optional field or group that it belongs to.
    part: SupportField | None = None


FIELDS = (
    Field("name", 255, needed=True),
    Field("email", 254),
    Field("phone", 32, part=SupportField.PHONE),
    Field("contact", 255, part=SupportField.CONTACT),
    Field("type", 32, choices=TYPES, part=SupportField.TYPE),
    Field("subject", 255, needed=True),
    Field("description", 50_000, needed=True),
    Field("product", 128, part=SupportField.PRODUCT),
    Field("errors", 10_000, part=SupportField.ERRORS),
    Field("steps", 50_000, part=SupportField.STEPS),
    Field("environment", 2_000, part=SupportField.ENVIRONMENT),
    Field("impact", 16, choices=_LEVELS, part=SupportField.IMPACT),
    Field("urgency", 16, choices=_LEVELS, part=SupportField.URGENCY),
    Field("delays", 2_000, part=SupportField.COSTS),
    Field("money", 2_000, part=SupportField.COSTS),
    Field("productivity", 2_000, part=SupportField.COSTS),
    Field("links", MAX_LINKS * (MAX_URL_CHARS + 1), part=SupportField.LINKS),
)


def shown_values(values: Mapping[str, str], enabled: frozenset[SupportField]) -> dict[str, str]:
    """Return the value of each field that the form has, tidied; empty where nothing came."""
    return {
        field.name: tidy(values.get(field.name, ""))
        for field in FIELDS
        if field.part is None or field.part in enabled
    }


def tidy(text: str) -> str:
    """Return what somebody typed without what browsers add: CRLF, spaces around."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def mistakes(values: Mapping[str, str], t: Texts) -> dict[str, str]:
    """Return what is wrong with each field, in the order of the form."""
    found: dict[str, str] = {}
    for field in FIELDS:
        if field.name in values:
            for message in _wrong(field, values[field.name], t):
                found.setdefault(field.name, message)
    if not values["email"] and not values.get("phone"):
        found["email"] = t("error.reach")
    return {field.name: found[field.name] for field in FIELDS if field.name in found}


def ticket_of(values: Mapping[str, str], language: str) -> dict[str, Any]:
    """Return the new ticket that faultless values make, in the form of `CreateTicketSchema`."""
    get = values.get
    costs = {
        "delays": get("delays") or None,
        "costs": get("money") or None,
        "productivity": get("productivity") or None,
    }
    contact = get("contact")
    return {
        "channel": Channel.WEB.value,
        "subject": " ".join(values["subject"].split()),
        "description": values["description"],
        "requester": {
            "name": " ".join(values["name"].split()),
            "email": values["email"] or None,
            "phone": get("phone") or None,
            "contacts": [{"type": "other", "value": contact}] if contact else [],
            "locale": language,
        },
        "type": get("type") or TicketType.GENERAL_INQUIRY.value,
        "product": get("product") or None,
        "impact": get("impact") or None,
        "urgency": get("urgency") or None,
        "error_messages": [get("errors")] if get("errors") else [],
        "steps_to_reproduce": get("steps") or None,
        "impact_details": costs if any(costs.values()) else None,
        "custom_fields": {"environment": get("environment")} if get("environment") else {},
    }


def links_of(text: str) -> list[str]:
    """Return the links that somebody gave, one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def wrong_text(text: str, limit: int, t: Texts, *, needed: bool = True) -> Iterator[str]:
    """Yield what is wrong with a text that somebody typed."""
    if needed and not text:
        yield t("error.required")
    if len(text) > limit:
        yield t("error.too_long", over=len(text) - limit, limit=limit)
    if "\x00" in text:
        yield t("error.character")


def _wrong(field: Field, value: str, t: Texts) -> Iterator[str]:
    yield from wrong_text(value, field.limit, t, needed=field.needed)
    if not value:
        return
    if field.choices and value not in field.choices:
        yield t("error.choice")
    if field.name == "email" and not _accepts(_email, value):
        yield t("error.email")
    if field.name == "phone" and len(value) < 3:
        yield t("error.phone")
    if field.name == "links":
        if len(links_of(value)) > MAX_LINKS:
            yield t("error.too_many_links", limit=MAX_LINKS)
        if not all(_accepts(web_address, link) for link in links_of(value)):
            yield t("error.url")


def _accepts(validator: Callable[[str], object], text: str) -> bool:
    try:
        validator(text)
    except ValidationError:
        return False
    return len(text) <= MAX_URL_CHARS
