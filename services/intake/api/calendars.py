"""/v1/calendars: hours and holidays that agents and teams share."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake import calendar_repository, repository, sla_repository
from services.intake.api.auth import requires
from services.intake.api.change import Change, change
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    icalendar_body,
    page,
    parts,
)
from services.intake.api.patches import Patch, patch_body
from services.intake.ical.importing import read_holidays
from shared.domain.work import ListName
from shared.schemas.calendar import (
    CalendarPageSchema,
    CalendarSchema,
    CreateCalendarSchema,
    UpdateCalendarSchema,
)

blp = blueprint("calendars", "Working hours and holidays. Their names are their keys.")

_schema = CalendarSchema()

#: What working time is counted by.
_COUNTING = frozenset({"time_zone", "hours", "holidays"})


@blp.route("/calendars", methods=["POST"])
@requires("agents:write", problems=(400, 401, 403, 409, 413, 415, 422, 503))
@body(CreateCalendarSchema())
@blp.response(201, CalendarSchema())
def create_calendar(content: Mapping[str, Any]) -> Response:
    """Add a calendar."""
    now = parts().now()
    row = {**content, "created_at": now, "updated_at": now}
    with change() as unit:
        repository.add(unit.tx, repository.CALENDARS, row)
        repository.bump_configuration(unit.tx)
        location = {"Location": f"/v1/calendars/{content['name']}"}
        return unit.answer(_schema.dump(row), 201, location)


@blp.route("/calendars", methods=["GET"])
@requires("agents:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, CalendarPageSchema())
def list_calendars(query: Mapping[str, Any]) -> Response:
    """List calendars."""
    with parts().database.reading() as connection:
        rows = repository.listing(
            connection, repository.CALENDARS, query["after"], query["limit"] + 1
        )
    return page(_schema, rows, "name", query["limit"])


@blp.route("/calendars/<name>", methods=["GET"])
@requires("agents:read", problems=(401, 403, 404, 503))
@blp.response(200, CalendarSchema())
def get_calendar(name: str) -> Response:
    """Read a calendar."""
    with parts().database.reading() as connection:
        row = repository.one(connection, repository.CALENDARS, name, "calendar")
    return answer(_schema.dump(row))


@blp.route("/calendars/<name>", methods=["PATCH"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@patch_body(UpdateCalendarSchema)
@blp.response(200, CalendarSchema())
def update_calendar(patch: Patch, name: str) -> Response:
    """Change a calendar; days of `hours` that are left out stay, null empties one."""
    with change() as unit:
        row = repository.locked(unit.tx, repository.CALENDARS, name, "calendar")
        return _change(unit, name, patch.over(_schema.dump(row)))


@blp.route("/calendars/<name>/holidays", methods=["PUT"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@icalendar_body
@blp.response(200, CalendarSchema())
def import_holidays(text: str, name: str) -> Response:
    """Replace the holidays by the whole-day events of an iCalendar file.

    Repetitions are followed for two years; days more than a year ago are left out.
    """
    found = read_holidays(text, parts().now())
    holidays = [{"date": each.day.isoformat(), "name": each.name} for each in found]
    with change() as unit:
        return _change(unit, name, {"holidays": holidays})


@blp.route("/calendars/<name>", methods=["DELETE"])
@requires("agents:write", problems=(401, 403, 404, 409, 503))
@blp.response(204)
def delete_calendar(name: str) -> Response:
    """Delete a calendar that no agent, no team and no SLA policy uses."""
    with change() as unit:
        repository.bump_configuration(unit.tx)
        calendar_repository.delete_calendar(unit.tx, name)
        return unit.answer(None, 204)


def _change(unit: Change, name: str, values: Mapping[str, Any]) -> Response:
    now = parts().now()
    changed = {**values, "updated_at": now}
    # The first lock, as wherever policies and calendars change: else two could wait for each other.
    repository.bump_configuration(unit.tx)
    repository.change(unit.tx, repository.CALENDARS, name, changed, "calendar")
    calendar_repository.free_users(unit.tx, name, now)
    if not _COUNTING.isdisjoint(values) and sla_repository.renew_policies(unit.tx, name, now):
        unit.ring(ListName.SLA)
    unit.ring(ListName.MATCHING)
    row = repository.one(unit.tx.flushed(), repository.CALENDARS, name, "calendar")
    return unit.answer(_schema.dump(row))
