"""CSV columns become fields: by name, by the header's own words, and by what the caller says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

#: What headers are called in the exports of other systems, in English, German and Russian, after
#: `_plain`. Fields with a dot are inside of another.
ALIASES: dict[str, tuple[str, ...]] = {
    "subject": ("title", "titel", "betreff", "summary", "short_description", "тема", "заголовок"),
    "description": ("body", "text", "message", "beschreibung", "описание", "сообщение"),
    "requester.name": ("name", "requester", "customer", "contact", "kunde", "имя", "клиент"),
    "requester.email": ("email", "e_mail", "mail", "requester_email", "customer_email", "почта"),
    "requester.phone": ("phone", "telephone", "telefon", "requester_phone", "телефон"),
    "requester.locale": ("locale", "language", "sprache", "язык"),
    "external_id": ("id", "ticket_id", "key", "sys_id", "external"),
    "number": ("ticket_number", "nr", "номер"),
    "type": ("ticket_type", "typ", "тип"),
    "category": ("kategorie", "категория"),
    "product": ("service", "produkt", "продукт", "сервис"),
    "priority": ("priorität", "приоритет"),
    "severity": ("серьёзность",),
    "impact": ("влияние",),
    "urgency": ("dringlichkeit", "срочность"),
    "tags": ("labels", "метки", "теги"),
    "team": ("group", "queue", "gruppe", "группа", "команда"),
    "status": ("state", "статус"),
    "assignee": ("agent", "assigned_to", "assignee_email", "исполнитель"),
    "created_at": ("created", "opened_at", "opened", "erstellt", "создано", "создан"),
    "updated_at": ("updated", "modified", "изменено", "изменён"),
    "resolved_at": ("resolved", "solved_at", "решено", "решён"),
    "closed_at": ("closed", "geschlossen", "закрыто", "закрыт"),
    "channel": ("via", "source_channel", "канал"),
    "steps_to_reproduce": (),
    "idempotency_key": (),
    "resolution.summary": ("resolution", "solution", "close_notes", "решение"),
    "lane": (),
}
_WORDS = frozenset(
    {"type", "priority", "severity", "impact", "urgency", "status", "channel", "lane"}
)
_LISTS = frozenset({"tags"})
_WHOLE = frozenset({"number"})
_TIMES = frozenset({"created_at", "updated_at", "resolved_at", "closed_at"})

CUSTOM = "custom_fields."


class BadMapping(Exception):
    """A mapping cannot be used; the text says why and what there is."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which field each column is, by its place; None for columns that are left out.

    `values` says what words of a field are called here; `zone` is that of times without one.
    """

    fields: Sequence[str | None]
    values: Mapping[tuple[str, str], str]
    zone: ZoneInfo

    def document(self, cells: Sequence[str]) -> dict[str, Any]:
        """Return the ticket of a row; empty cells are left out."""
        document: dict[str, Any] = {}
        for field, cell in zip(self.fields, cells, strict=False):
            text = cell.strip()
            if field is None or not text:
                continue
            outer, _, inner = field.partition(".")
            value = self._value(field, text)
            if inner:
                document.setdefault(outer, {})[inner] = value
            else:
                document[outer] = value
        return document

    def _value(self, field: str, text: str) -> Any:
        text = self.values.get((field, text.lower()), text)
        if field in _WORDS:
            return text.lower().replace(" ", "_").replace("-", "_")
        if field in _LISTS:
            return [each.strip().lower() for each in re.split(r"[,;]", text) if each.strip()]
        if field in _WHOLE and text.isdecimal():
            return int(text)
        return self._time(text) if field in _TIMES else text

    def _time(self, text: str) -> str:
        """Write a time as RFC 3339; what is none goes as it is, and is refused with a reason."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).isoformat()


def columns_of(
    header: Sequence[str],
    mapping: Mapping[str, str],
    values: Mapping[tuple[str, str], str],
    zone: ZoneInfo,
    *,
    keep_rest: bool,
) -> Columns:
    """Return what each column is; `mapping` (field to column) goes before what headers say.

    Raises BadMapping for a field or a column that there is not, and when no column is the subject.
    """
    names = [name.strip() for name in header]
    fields: list[str | None] = [None] * len(names)
    for field, column in mapping.items():
        if field not in ALIASES and not field.startswith(CUSTOM):
            known = ", ".join((*ALIASES, f"{CUSTOM}<name>"))
            raise BadMapping(f"There is no field {field!r}. There are: {known}.")
        if column not in names:
            raise BadMapping(f"There is no column {column!r}. There are: {', '.join(names)}.")
        fields[names.index(column)] = field
    for index, name in enumerate(names):
        found = _field_of(name)
        if fields[index] is None and found is not None and found not in fields:
            fields[index] = found
        elif fields[index] is None and keep_rest and name:
            fields[index] = CUSTOM + name[:64]
    if "subject" not in fields:
        raise BadMapping(
            f"No column is the subject; say which: --map subject=COLUMN. There are: "
            f"{', '.join(names)}."
        )
    return Columns(fields, values, zone)


def _field_of(name: str) -> str | None:
    plain = _plain(name)
    if name.strip() in ALIASES:
        return name.strip()
    for field, aliases in ALIASES.items():
        if plain == _plain(field) or plain in aliases:
            return field
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")
