"""/v1/agents/{id}/absences: when somebody is not there, typed in or imported."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response
from marshmallow import RAISE

from services.intake import calendar_repository, repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import (
    PageQuerySchema,
    blueprint,
    body,
    icalendar_body,
    page,
    parts,
)
from services.intake.ical.importing import AHEAD, read_absences
from shared.domain.agent import AbsenceSource
from shared.domain.ids import Prefix, new_id
from shared.domain.work import ListName
from shared.schemas.calendar import (
    AbsencePageSchema,
    AbsenceSchema,
    CreateAbsenceSchema,
    ImportedAbsencesSchema,
)

blp = blueprint("absences", "Leave and other times at which an agent takes no new work.")

_schema = AbsenceSchema()


@blp.route("/agents/<agent_id>/absences", methods=["POST"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(CreateAbsenceSchema())
@blp.response(201, AbsenceSchema())
def create_absence(content: Mapping[str, Any], agent_id: str) -> Response:
    """Add an absence."""
    now = parts().now()
    row = {
        "id": new_id(Prefix.ABSENCE),
        "agent_id": agent_id,
        "starts_at": content["starts_at"],
        "ends_at": content["ends_at"],
        "reason": content["reason"],
        "source": AbsenceSource.MANUAL,
        "created_at": now,
    }
    with change() as unit:
        # On the matching list, because the end of the absence may be when they start next.
        repository.change_agent(unit.tx, agent_id, {}, now)
        repository.add(unit.tx, calendar_repository.ABSENCES, row)
        repository.bump_configuration(unit.tx)
        unit.ring(ListName.MATCHING)
        return unit.answer(_schema.dump(row), 201)


@blp.route("/agents/<agent_id>/absences", methods=["GET"])
@requires("agents:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, AbsencePageSchema())
def list_absences(query: Mapping[str, Any], agent_id: str) -> Response:
    """List an agent's absences in the order in which they were added."""
    with parts().database.reading() as connection:
        rows = calendar_repository.absences_of(
            connection, agent_id, query["after"], query["limit"] + 1
        )
    return page(_schema, rows, "id", query["limit"])


@blp.route("/agents/<agent_id>/absences", methods=["PUT"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@icalendar_body
@blp.response(200, ImportedAbsencesSchema())
def import_absences(text: str, agent_id: str) -> Response:
    """Replace the imported absences by the events of an iCalendar file; others stay.

    Days and times without a zone are the agent's. Repetitions are followed for two years; what
    ended more than a year ago is left out.
    """
    app = parts()
    now = app.now()
    with app.database.reading() as connection:
        zone = ZoneInfo(calendar_repository.time_zone_of(connection, agent_id))
    rows = [
        {
            "id": new_id(Prefix.ABSENCE),
            "agent_id": agent_id,
            "starts_at": each.absence.start,
            "ends_at": each.absence.end,
            "reason": each.reason,
            "source": AbsenceSource.ICAL,
            "created_at": now,
        }
        for each in read_absences(text, zone, now)
    ]
    with change() as unit:
        replaced = calendar_repository.replace_imported(unit.tx, agent_id, rows, now)
        repository.bump_configuration(unit.tx)
        unit.ring(ListName.MATCHING)
        done = {"imported": len(rows), "replaced": replaced, "expanded_until": now + AHEAD}
        return unit.answer(ImportedAbsencesSchema().dump(done))


@blp.route("/agents/<agent_id>/absences/<absence_id>", methods=["DELETE"])
@requires("agents:write", problems=(401, 403, 404, 503))
@blp.response(204)
def delete_absence(agent_id: str, absence_id: str) -> Response:
    """Delete an absence."""
    with change() as unit:
        calendar_repository.delete_absence(unit.tx, agent_id, absence_id, parts().now())
        repository.bump_configuration(unit.tx)
        unit.ring(ListName.MATCHING)
        return unit.answer(None, 204)
