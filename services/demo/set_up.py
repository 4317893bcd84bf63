"""Builds the desk over the API: teams, skills, agents, rules, and the subscription."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from services.demo.api import Api
from services.demo.desk import Desk


async def set_up(api: Api, desk: Desk) -> list[str]:
    """Create the desk; return the ids of its agents."""
    await asyncio.gather(
        _create(api, "/v1/teams", desk.teams), _create(api, "/v1/skills", desk.skills)
    )
    agents = await _create(api, "/v1/agents", desk.agents)
    await api.send("PUT", "/v1/routing/rules", {"rules": list(desk.rules)})
    return [agent["id"] for agent in agents]


async def subscribe(api: Api, url: str) -> str:
    """Subscribe a URL to every event; return the signing secret."""
    body = {"url": url, "description": "The demo's receiver"}
    subscription = await api.send("POST", "/v1/webhooks", body)
    return str(subscription["secret"])


async def _create(api: Api, path: str, bodies: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    # How many go at once is bounded by the connections of the session.
    return await asyncio.gather(*(api.send("POST", path, body) for body in bodies))
