"""What the very first start prepares: the schema, an admin key, and an example desk if wanted."""

import os
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select

from services.cli.actor import command_line
from shared.db import schema
from shared.db.api_keys import store_key
from shared.db.engine import Database, open_database
from shared.db.models import Agent, AgentSkill, AgentTeam, ApiKey, Skill, Team
from shared.db.models.base import table
from shared.db.resealing import require_keys
from shared.domain.agent import Presence
from shared.domain.api_key import ALL, new_token
from shared.domain.clock import SystemClock
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState
from shared.schemas.team import CreateTeamSchema
from shared.settings import Settings

KEY_FILE = "admin.key"

_EXAMPLE_AGENTS = (
    ("Ann Example", "ann@patchbay.example", {"vpn": 4, "email": 2}),
    ("Ben Example", "ben@patchbay.example", {"vpn": 2}),
    ("Eva Example", "eva@patchbay.example", {"email": 5}),
)


def prepare(settings: Settings, *, example: bool) -> None:
    """Prepare an empty database, and make an admin key unless there is a key.

    A database that has a schema already is left as it is; if that schema is behind, SchemaBehind is
    raised, because upgrading other people's data is never a side effect of a start.
    """
    database = open_database(settings)
    try:
        if schema.current_revision(database) is None:
            schema.migrate(database)
        schema.require_current(database)
        require_keys(database)
        _first_key(database, settings.data_dir)
        if example:
            _example_desk(database)
    finally:
        database.close()


def _first_key(database: Database, data_dir: Path) -> None:
    with database.reading() as connection:
        count = connection.execute(select(func.count()).select_from(table(ApiKey))).scalar_one()
    if count:
        return
    token = new_token()
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / KEY_FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    # The file first: a key that nobody holds would lock everybody out.
    store_key(database, token, "admin", [ALL], actor=command_line())
    click.echo(f"Made an admin API key, kept in {path} for you alone:\n\n    {token}\n")


def _example_desk(database: Database) -> None:
    """Add a team with three agents, unless there is a team already."""
    now = SystemClock().now()
    times = {"created_at": now, "updated_at": now}
    with database.transaction() as tx:
        if tx.execute(select(func.count()).select_from(table(Team))).scalar_one():
            return
        team = CreateTeamSchema().load({"name": "support", "title": "Support"})
        tx.insert(table(Team), [{**team, **times}])
        skills = [{"name": "vpn", "description": "VPN"}, {"name": "email", "description": "E-mail"}]
        tx.insert(table(Skill), [{**skill, **times} for skill in skills])
        for name, email, levels in _EXAMPLE_AGENTS:
            agent_id = new_id(Prefix.AGENT)
            tx.insert(
                table(Agent),
                [
                    {
                        **_agent(agent_id, name, email),
                        "idle_since": now,
                        "presence_since": now,
                        **times,
                        "available_at": now,
                    }
                ],
            )
            tx.insert(
                table(AgentSkill),
                [{"agent_id": agent_id, "skill": s, "level": n} for s, n in levels.items()],
            )
            tx.insert(table(AgentTeam), [{"agent_id": agent_id, "team": "support"}])
    click.echo("Added an example team, `support`, with three agents.")


def _agent(agent_id: str, name: str, email: str) -> dict[str, Any]:
    return {
        "id": agent_id,
        "name": name,
        "email": email,
        "locale": "en",
        "presence": Presence.ONLINE,
        "capacity": 10,
        "load": 0,
        "overcommit": 0,
        "assigned_at": None,
        "languages": [],
        "conflicts": [],
        "revision": 0,
        "work_state": WorkState.IDLE,
        "attempts": 0,
        "last_error": None,
    }
