"""/v1/teams and /v1/skills: what routing goes by."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake import calendar_repository, repository, team_references
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    page,
    parts,
)
from shared.db import ticket_changes
from shared.domain.work import ListName
from shared.schemas.base import patch_of
from shared.schemas.team import (
    CreateSkillSchema,
    CreateTeamSchema,
    SkillPageSchema,
    SkillSchema,
    TeamPageSchema,
    TeamSchema,
    UpdateTeamSchema,
)

blp = blueprint("teams", "Teams and skills. Their names are their keys.")

_team_schema, _skill_schema = TeamSchema(), SkillSchema()


@blp.route("/teams", methods=["POST"])
@requires("agents:write", problems=(400, 401, 403, 409, 413, 415, 422, 503))
@body(CreateTeamSchema())
@blp.response(201, TeamSchema())
def create_team(content: Mapping[str, Any]) -> Response:
    """Add a team."""
    app = parts()
    app.reference.require_calendar(content["calendar"])
    now = app.now()
    row = {**content, "created_at": now, "updated_at": now}
    with change() as unit:
        repository.bump_configuration(unit.tx)
        team_references.require(unit.tx, content["name"], content)
        repository.add(unit.tx, repository.TEAMS, row)
        location = {"Location": f"/v1/teams/{content['name']}"}
        return unit.answer(_team_schema.dump(row), 201, location)


@blp.route("/teams", methods=["GET"])
@requires("agents:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, TeamPageSchema())
def list_teams(query: Mapping[str, Any]) -> Response:
    """List teams."""
    with parts().database.reading() as connection:
        rows = repository.listing(connection, repository.TEAMS, query["after"], query["limit"] + 1)
    return page(_team_schema, rows, "name", query["limit"])


@blp.route("/teams/<name>", methods=["GET"])
@requires("agents:read", problems=(401, 403, 404, 503))
@blp.response(200, TeamSchema())
def get_team(name: str) -> Response:
    """Read a team."""
    with parts().database.reading() as connection:
        row = repository.one(connection, repository.TEAMS, name, "team")
    return answer(_team_schema.dump(row))


@blp.route("/teams/<name>", methods=["PATCH"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(patch_of(UpdateTeamSchema))
@blp.response(200, TeamSchema())
def update_team(content: Mapping[str, Any], name: str) -> Response:
    """Change a team."""
    app = parts()
    app.reference.require_calendar(content.get("calendar"))
    with change() as unit:
        tx, now = unit.tx, app.now()
        values = {**content, "updated_at": now}
        repository.bump_configuration(tx)
        team_references.require(tx, name, content)
        repository.change(tx, repository.TEAMS, name, values, "team")
        matters = not set(content).isdisjoint(("overflow", "profile", "calendar"))
        if matters:
            ticket_changes.look_at_waiting(tx, now)
        if "calendar" in content:
            calendar_repository.free_members(tx, name, now)
            unit.ring(ListName.MATCHING)
        if "sla_policy" in content:
            ticket_changes.look_at_team(tx, name, now)
            unit.ring(ListName.SLA)
        if matters:
            unit.ring(ListName.WAKING)
        row = repository.one(tx.flushed(), repository.TEAMS, name, "team")
        return unit.answer(_team_schema.dump(row))


@blp.route("/skills", methods=["POST"])
@requires("agents:write", problems=(400, 401, 403, 409, 413, 415, 422, 503))
@body(CreateSkillSchema())
@blp.response(201, SkillSchema())
def create_skill(content: Mapping[str, Any]) -> Response:
    """Add a skill."""
    now = parts().now()
    row = {**content, "created_at": now, "updated_at": now}
    with change() as unit:
        repository.add(unit.tx, repository.SKILLS, row)
        location = {"Location": f"/v1/skills/{content['name']}"}
        return unit.answer(_skill_schema.dump(row), 201, location)


@blp.route("/skills", methods=["GET"])
@requires("agents:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, SkillPageSchema())
def list_skills(query: Mapping[str, Any]) -> Response:
    """List skills."""
    with parts().database.reading() as connection:
        rows = repository.listing(connection, repository.SKILLS, query["after"], query["limit"] + 1)
    return page(_skill_schema, rows, "name", query["limit"])


@blp.route("/skills/<name>", methods=["GET"])
@requires("agents:read", problems=(401, 403, 404, 503))
@blp.response(200, SkillSchema())
def get_skill(name: str) -> Response:
    """Read a skill."""
    with parts().database.reading() as connection:
        row = repository.one(connection, repository.SKILLS, name, "skill")
    return answer(_skill_schema.dump(row))
