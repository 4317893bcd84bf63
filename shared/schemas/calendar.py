"""Calendars and absences on the wire; calendars are stored in the same form."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.agent import AbsenceSource
from shared.schemas.base import StrictSchema, Timestamp, distinct, line, page, slug
from shared.schemas.working_hours import HoursSchema, time_zone

MAX_HOLIDAYS = 2000
#: Characters of a holiday's name, and of the reason of an absence.
MAX_TEXT = 200


class Day(fields.String):
    """A day of the calendar, `2026-12-25`, kept as text because documents are."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError as error:
            message = "Not a day; write YYYY-MM-DD, such as 2026-12-25."
            raise ValidationError(message) from error


class HolidaySchema(StrictSchema):
    """A day without work, from local midnight to midnight."""

    date = Day(required=True, metadata={"format": "date", "example": "2026-12-25"})
    name = line(MAX_TEXT, load_default="", metadata={"example": "Christmas Day"})


def _holidays(**kwargs: Any) -> fields.List[Any]:
    return fields.List(
        fields.Nested(HolidaySchema),
        validate=[validate.Length(max=MAX_HOLIDAYS), distinct("date")],
        **kwargs,
    )


class CreateCalendarSchema(StrictSchema):
    """A new calendar."""

    name = slug(required=True, metadata={"example": "berlin"})
    title = line(128, load_default="")
    time_zone = time_zone(required=True)
    hours = fields.Nested(HoursSchema, required=True)
    holidays = _holidays(load_default=list)


class UpdateCalendarSchema(StrictSchema):
    """Changes to a calendar: hours are merged by day, holidays replaced, the rest stays."""

    title = line(128)
    time_zone = time_zone()
    hours = fields.Nested(HoursSchema)
    holidays = _holidays()


class CalendarSchema(StrictSchema):
    """A calendar as it is."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    time_zone = fields.String(required=True)
    hours = fields.Nested(HoursSchema, required=True)
    holidays = fields.List(fields.Nested(HolidaySchema), required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class CreateAbsenceSchema(StrictSchema):
    """A new absence, from `starts_at` to before `ends_at`."""

    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)
    reason = line(MAX_TEXT, load_default="")

    @validates_schema
    def _ends_after_start(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        if data["ends_at"] <= data["starts_at"]:
            message = "The absence does not end after it starts."
            raise ValidationError(message, "ends_at")


class AbsenceSchema(StrictSchema):
    """An absence as it is. The next import replaces those whose source is `ical`."""

    id = fields.String(required=True)
    agent_id = fields.String(required=True)
    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)
    reason = fields.String(required=True)
    source = fields.Enum(AbsenceSource, by_value=True, required=True)
    created_at = Timestamp(required=True)


class ImportedAbsencesSchema(StrictSchema):
    """What an import did. Repetitions were followed to `expanded_until`; import again by then."""

    imported = fields.Integer(required=True)
    replaced = fields.Integer(required=True)
    expanded_until = Timestamp(required=True)


CalendarPageSchema = page(CalendarSchema)
AbsencePageSchema = page(AbsenceSchema)
