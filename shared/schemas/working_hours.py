"""Weekly hours on the wire: a time zone by its IANA name, and spans of local time for each day."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from shared.domain.working_time import (
    WEEKDAYS,
    Span,
    is_time_zone,
    nearest_time_zone,
    overlaps,
    span,
)
from shared.domain.working_time.hours import minutes
from shared.schemas.base import StrictSchema

#: Spans of one day at the most.
MAX_SPANS = 24


def _known_zone(name: str) -> None:
    if not is_time_zone(name):
        nearest = nearest_time_zone(name)
        way_out = f"did you mean {nearest!r}?" if nearest else "write one such as 'Europe/Berlin'."
        message = f"There is no time zone {name!r}; {way_out}"
        raise ValidationError(message)


def time_zone(**kwargs: Any) -> fields.String:
    """Return a field for the name of a time zone of the IANA database."""
    kwargs.setdefault("metadata", {"example": "Europe/Berlin"})
    return fields.String(validate=[validate.Length(max=64), _known_zone], **kwargs)


def _time_of_day(text: str) -> None:
    try:
        minutes(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


_OF_DAY = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"


def _local_time(pattern: str, example: str) -> fields.String:
    described = {"pattern": pattern, "example": example}
    return fields.String(required=True, validate=_time_of_day, metadata=described)


class SpanSchema(StrictSchema):
    """From `start` to before `end`, local time. An end before the start is one of the next day."""

    start = _local_time(f"^{_OF_DAY}$", "09:00")
    end = _local_time(f"^(?:{_OF_DAY}|24:00)$", "17:30")

    @validates_schema
    def _possible(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        try:
            span(data["start"], data["end"])
        except ValueError as error:
            raise ValidationError(str(error), "start" if data["start"] == "24:00" else "end") from (
                error
            )


def _day() -> fields.List[Any]:
    return fields.List(fields.Nested(SpanSchema), validate=validate.Length(max=MAX_SPANS))


class _HoursSchema(StrictSchema):
    """Seven lists of spans; a day that is left out has no work. No two spans may overlap."""

    @validates_schema
    def _disjoint(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        days = [[span(**each) for each in data.get(day, ())] for day in WEEKDAYS]
        errors: dict[str, Any] = {}
        for day, index, other_day, other in overlaps(days):
            message = _overlap(days[day][index], days[other_day][other], WEEKDAYS[other_day])
            errors.setdefault(WEEKDAYS[day], {})[index] = [message]
        if errors:
            raise ValidationError(errors)


def _overlap(one: Span, other: Span, other_day: str) -> str:
    return f"{one} overlaps with {other} of {other_day}; let one end before the other starts."


HoursSchema: type[Schema] = _HoursSchema.from_dict(
    {day: _day() for day in WEEKDAYS}, name="HoursSchema"
)


class ShiftsSchema(StrictSchema):
    """An agent's own weekly hours. They take the place of the calendar's; its holidays hold."""

    time_zone = time_zone(required=True)
    hours = fields.Nested(HoursSchema, required=True)
