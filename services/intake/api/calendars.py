"""/v1/calendars: hours and holidays that agents and teams share."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake import calendar_repository, repository, sla_repository
from services.intake.api.auth import requires
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    icalendar_body,
    page,
    parts,
)
from services.intake.ical.importing import read_holidays
from shared.domain.work import ListName
from shared.schemas.base import patch_of
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
    app = parts()
    now = app.now()
    row = {**content, "created_at": now, "updated_at": now}
    with app.database.transaction() as tx:
        repository.add(tx, repository.CALENDARS, row)
        repository.bump_configuration(tx)
    return answer(_schema.dump(row), 201, {"Location": f"/v1/calendars/{content['name']}"})


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
    return _read(name)


@blp.route("/calendars/<name>", methods=["PATCH"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(patch_of(UpdateCalendarSchema))
@blp.response(200, CalendarSchema())
def update_calendar(content: Mapping[str, Any], name: str) -> Response:
    """Change a calendar."""
    return _change(name, content)


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
    return _change(name, {"holidays": holidays})


@blp.route("/calendars/<name>", methods=["DELETE"])
@requires("agents:write", problems=(401, 403, 404, 409, 503))
@blp.response(204)
def delete_calendar(name: str) -> Response:
    """Delete a calendar that no agent, no team and no SLA policy uses."""
    with parts().database.transaction() as tx:
        repository.bump_configuration(tx)
        calendar_repository.delete_calendar(tx, name)
    return Response(status=204)


def _change(name: str, values: Mapping[str, Any]) -> Response:
    app = parts()
    with app.database.transaction() as tx:
        now = app.now()
        changed = {**values, "updated_at": now}
        # The first lock, as wherever policies and calendars change: else two could wait for each
        # other.
        repository.bump_configuration(tx)
        repository.change(tx, repository.CALENDARS, name, changed, "calendar")
        calendar_repository.free_users(tx, name, now)
        counts = not _COUNTING.isdisjoint(values)
        renewed = counts and sla_repository.renew_policies(tx, name, now)
    app.ring(ListName.MATCHING)
    if renewed:
        app.ring(ListName.SLA)
    return _read(name)


def _read(name: str) -> Response:
    with parts().database.reading() as connection:
        row = repository.one(connection, repository.CALENDARS, name, "calendar")
    return answer(_schema.dump(row))
