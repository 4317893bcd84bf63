"""What all schemas share: unknown fields are errors, times are RFC 3339, names are slugs."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from shared.domain.clock import rfc3339

#: A key that people choose: teams, skills, tags. Short, lower case, safe in URLs and logs.
SLUG_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}\Z"


#: How a length of time is described: what `shared.domain.duration` reads.
DURATION = {"type": ["string", "integer"], "pattern": "^[0-9]{1,9}[smhd]$", "minimum": 0}

#: How deep a document of custom fields may be nested.
MAX_DEPTH = 16

LARGEST_EXACT = 2.0**63


class StrictSchema(Schema):
    """Refuses fields it does not know: a misspelt field must not be silently dropped."""

    class Meta:
        unknown = RAISE


class Timestamp(fields.Field[datetime]):
    """A moment, written as RFC 3339 in UTC with microseconds."""

    def __init__(self, *, metadata: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        described = {"type": "string", "format": "date-time", **(metadata or {})}
        super().__init__(metadata=described, **kwargs)

    def _serialize(self, value: datetime | None, attr: Any, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            message = "Not a time; write RFC 3339, such as 2026-01-31T09:30:00Z."
            raise ValidationError(message) from error
        if moment.tzinfo is None:
            message = "The time has no zone; end it in Z or an offset such as +02:00."
            raise ValidationError(message)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            message = "In UTC this time is before the year 1 or after 9999."
            raise ValidationError(message) from error


class Flag(fields.Boolean):
    """`true` or `false`, and nothing that could be read as one of them, such as 0 or "no"."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Whole(fields.Integer):
    """A whole number of JSON, `5` or `5.0`; text is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _validated(self, value: Any) -> int:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        return super()._validated(whole)


class Number(fields.Float):
    """A number of JSON; text is none."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def slug(**kwargs: Any) -> fields.String:
    """Return a field for a name that people choose."""
    return fields.String(
        validate=validate.Regexp(
            SLUG_PATTERN,
            error="Use 1 to 63 characters: lower-case letters, digits, and . _ - inside.",
        ),
        **kwargs,
    )


def no_nul(value: str) -> None:
    """Refuse the NUL character, which PostgreSQL cannot keep in text."""
    if "\x00" in value:
        message = "The NUL character is not allowed."
        raise ValidationError(message)


def plain_document(value: Any, depth: int = 0) -> None:
    """Refuse what cannot be kept or sent on: the NUL character, and nesting without end."""
    if depth > MAX_DEPTH:
        message = f"Nested more than {MAX_DEPTH} levels deep."
        raise ValidationError(message)
    if isinstance(value, str):
        no_nul(value)
    elif isinstance(value, float) and abs(value) >= LARGEST_EXACT:
        # An integer beyond 64 bits was read as the nearest float, and would not come back the same.
        message = "A number this large cannot be kept exactly; send it as text."
        raise ValidationError(message)
    elif isinstance(value, dict):
        for key, inner in value.items():
            no_nul(key)
            plain_document(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            plain_document(inner, depth + 1)


@dataclass(frozen=True, slots=True)
class Distinct:
    """A validator of lists: no value, or no value of `key`, may come twice."""

    key: str | None = None

    def __call__(self, values: Sequence[Any]) -> None:
        """Raise ValidationError with the places of those that come again."""
        seen: set[str] = set()
        errors: dict[int, Any] = {}
        for index, item in enumerate(values):
            value = item[self.key] if self.key else item
            if value in seen:
                message = [f"{value!r} is given more than once."]
                errors[index] = {self.key: message} if self.key else message
            seen.add(value)
        if errors:
            raise ValidationError(errors)


def distinct(key: str | None = None) -> Distinct:
    """Return a validator of lists: no value, or no value of `key`, may come twice."""
    return Distinct(key)


def line(maximum: int, minimum: int = 0, **kwargs: Any) -> fields.String:
    """Return a field for text of a limited number of characters."""
    return fields.String(validate=[validate.Length(min=minimum, max=maximum), no_nul], **kwargs)


def patch_of(schema: type[Schema]) -> Schema:
    """Return a schema of which every field may be left out, but not what is inside of them.

    marshmallow's `partial=True` reaches into nested schemas too, and would let half a skill in.
    """
    return schema(partial=tuple(schema().fields))


def partly(schema: type[Schema]) -> type[Schema]:
    """Return the schema of an answer that may leave out any field of another one's."""
    found = {name: deepcopy(field) for name, field in schema().fields.items()}
    for field in found.values():
        field.required = False
    return StrictSchema.from_dict(found, name="Partial" + schema.__name__)


def plain_dump(schema: Schema) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function that does what `schema.dump` does, five times faster.

    For schemas whose values are in wire form already but for times: members of a StrEnum are
    text, and nested documents were checked when they came in. On the path of every ticket twice.
    `tests/contract` holds the two to the same result.
    """
    times = frozenset(name for name, field in schema.fields.items() if isinstance(field, Timestamp))
    names = tuple(schema.fields)

    def dump(values: Mapping[str, Any]) -> dict[str, Any]:
        document = {name: values[name] for name in names}
        for name in times:
            moment = document[name]
            if moment is not None:
                document[name] = rfc3339(moment)
        return document

    return dump


def page(item: type[Schema]) -> type[Schema]:
    """Return the schema of a list answer: `{"items": […], "next": cursor or null}`."""
    return StrictSchema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(
                allow_none=True,
                required=True,
                metadata={"description": "Pass as `after` to read on; null at the end."},
            ),
        },
        name=item.__name__.removesuffix("Schema") + "PageSchema",
    )
