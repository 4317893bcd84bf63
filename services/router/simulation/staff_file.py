"""Who works, from a file, instead of those whom a log shows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from marshmallow import fields, validate

from services.router.simulation.log_staff import Member
from services.router.simulation.scenario_schema import AgentSchema
from services.router.simulation.theory.errors import LabError
from services.router.simulation.week import lay_out
from services.router.simulation.yaml_document import YamlDocument
from shared.schemas.base import StrictSchema, distinct

#: How long after the last ticket shifts go on, so that what waits can be served.
AFTERWARDS_S = 28 * 86_400.0


class StaffAgentSchema(AgentSchema):
    """Agents that are alike; how long they take is what the log says of such tickets."""

    class Meta(AgentSchema.Meta):
        exclude = ("rate", "rates", "handover")


class StaffSchema(StrictSchema):
    """A file of staff; teams and skills are the log's groups and categories, as slugs."""

    agents = fields.List(
        fields.Nested(StaffAgentSchema),
        required=True,
        validate=[validate.Length(min=1, max=1000), distinct("name")],
    )


def read_staff(path: Path) -> list[dict[str, Any]]:
    """Return the agents of a file; raises LabError with one line for each mistake."""
    agents: list[dict[str, Any]] = YamlDocument.read(path).load(StaffSchema())["agents"]
    return agents


def staff_members(
    agents: Sequence[Mapping[str, Any]], start: datetime, horizon_s: float
) -> dict[str, Member]:
    """Return everybody by name, with their hours laid out over the horizon and some weeks more."""
    found: dict[str, Member] = {}
    for agent in agents:
        shifts = None
        if agent["shifts"]:
            shifts = lay_out(agent["shifts"], start, horizon_s + AFTERWARDS_S)
        for number in range(1, agent["count"] + 1):
            name = agent["name"] if agent["count"] == 1 else f"{agent['name']} {number}"
            if name in found:
                raise LabError(f"Two agents are called {name!r}; `count` adds numbers to names")
            found[name] = _member(agent, name, shifts)
    return found


def _member(agent: Mapping[str, Any], name: str, shifts: Any) -> Member:
    return Member(
        name=name,
        teams=frozenset(agent["teams"]),
        skills=agent["skills"],
        solved=0,
        shifts=shifts,
        capacity=agent["capacity"],
    )
