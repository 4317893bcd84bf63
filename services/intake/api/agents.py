"""/v1/agents: who solves tickets."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE
from sqlalchemy import Connection

from services.intake import repository
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
from services.intake.api.patches import Patch, patch_body
from shared.domain.agent import Presence
from shared.domain.ids import Prefix, new_id
from shared.domain.work import ListName, WorkState
from shared.schemas.agent import (
    AgentPageSchema,
    AgentSchema,
    CreateAgentSchema,
    PresenceSchema,
    UpdateAgentSchema,
)

blp = blueprint("agents", "The people who solve tickets: skills, teams, capacity, presence.")

_schema = AgentSchema(unknown="exclude")


@blp.route("/agents", methods=["POST"])
@requires("agents:write", problems=(400, 401, 403, 409, 413, 415, 422, 503))
@body(CreateAgentSchema())
@blp.response(201, AgentSchema())
def create_agent(content: Mapping[str, Any]) -> Response:
    """Add an agent."""
    app = parts()
    skill_names = [s["skill"] for s in content["skills"]]
    app.reference.require_names(content["teams"], skill_names, content["calendar"])
    now = app.now()
    agent_id = new_id(Prefix.AGENT)
    with change() as unit:
        repository.add(
            unit.tx,
            repository.AGENTS,
            {
                "id": agent_id,
                "name": content["name"],
                "email": content["email"],
                "locale": content["locale"],
                "presence": content["presence"],
                "capacity": content["capacity"],
                "load": 0,
                "overcommit": 0,
                "idle_since": now,
                "presence_since": now,
                "languages": content["languages"],
                "conflicts": content["conflicts"],
                "calendar": content["calendar"],
                "shifts": content["shifts"],
                "created_at": now,
                "updated_at": now,
                "work_state": WorkState.READY,
                "available_at": now,
                "attempts": 0,
            },
        )
        repository.replace_skills(unit.tx, agent_id, content["skills"])
        repository.replace_teams(unit.tx, agent_id, content["teams"])
        if content["presence"] is Presence.ONLINE:
            unit.ring(ListName.MATCHING)
        location = {"Location": f"/v1/agents/{agent_id}"}
        return unit.answer(_read(unit.tx.flushed(), agent_id), 201, location)


@blp.route("/agents", methods=["GET"])
@requires("agents:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, AgentPageSchema())
def list_agents(query: Mapping[str, Any]) -> Response:
    """List agents."""
    with parts().database.reading() as connection:
        rows = repository.listing(connection, repository.AGENTS, query["after"], query["limit"] + 1)
        documents = repository.with_skills_and_teams(connection, rows)
    return page(_schema, documents, "id", query["limit"])


@blp.route("/agents/<agent_id>", methods=["GET"])
@requires("agents:read", problems=(401, 403, 404, 503))
@blp.response(200, AgentSchema())
def get_agent(agent_id: str) -> Response:
    """Read an agent."""
    with parts().database.reading() as connection:
        return answer(_read(connection, agent_id))


@blp.route("/agents/<agent_id>", methods=["PATCH"])
@requires("agents:write", problems=(400, 401, 403, 404, 409, 413, 415, 422, 503))
@patch_body(UpdateAgentSchema)
@blp.response(200, AgentSchema())
def update_agent(patch: Patch, agent_id: str) -> Response:
    """Change an agent. A capacity below the present load takes no ticket away."""
    app = parts()
    with change() as unit:
        tx = unit.tx
        row = repository.locked(tx, repository.AGENTS, agent_id, "agent")
        columns = patch.over(_schema.dump({"shifts": row["shifts"]}))
        skills, teams = columns.pop("skills", None), columns.pop("teams", None)
        skill_names = [s["skill"] for s in skills or ()]
        app.reference.require_names(teams or (), skill_names, columns.get("calendar"))
        repository.change_agent(tx, agent_id, columns, app.now())
        if skills is not None:
            repository.replace_skills(tx, agent_id, skills)
        if teams is not None:
            repository.replace_teams(tx, agent_id, teams)
        unit.ring(ListName.MATCHING)
        return unit.answer(_read(tx.flushed(), agent_id))


@blp.route("/agents/<agent_id>/presence", methods=["PUT"])
@requires("agents:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(PresenceSchema())
@blp.response(200, AgentSchema())
def set_presence(content: Mapping[str, Any], agent_id: str) -> Response:
    """Say whether an agent takes work.

    Going offline gives tickets back that were not begun, where the team is set so.
    """
    with change() as unit:
        repository.change_presence(unit.tx, agent_id, content["presence"], parts().now())
        unit.ring(ListName.MATCHING)
        return unit.answer(_read(unit.tx.flushed(), agent_id))


def _read(connection: Connection, agent_id: str) -> dict[str, Any]:
    row = repository.one(connection, repository.AGENTS, agent_id, "agent")
    documents = repository.with_skills_and_teams(connection, [row])
    return dict(_schema.dump(documents[0]))
