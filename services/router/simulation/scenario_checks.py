"""What a schema cannot see in a scenario: names that do not fit, classes that nobody serves."""

from collections.abc import Mapping
from typing import Any

from services.router.simulation.yaml_document import Path_


def problems_of(values: Mapping[str, Any]) -> list[tuple[Path_, str]]:
    """Return what is wrong with a scenario that has the right form, with paths."""
    found: list[tuple[Path_, str]] = []
    names = {ticket_class["name"] for ticket_class in values["classes"]}
    if values["horizon"] <= 0:
        found.append((("horizon",), "Must be above 0."))
    elif values["warm_up"] >= values["horizon"]:
        found.append((("warm_up",), "Must be shorter than the horizon."))
    for number, agent in enumerate(values["agents"]):
        for field in ("rates", "handover"):
            found += [
                (("agents", number, field, name), f"There is no class {name}.")
                for name in sorted(set(agent[field]) - names)
            ]
        for shift_number, shift in enumerate(agent["shifts"] or ()):
            if shift["start"] == shift["end"]:
                path = ("agents", number, "shifts", shift_number, "end")
                found.append((path, "The shift ends when it begins; leave shifts out for always."))
    for number, ticket_class in enumerate(values["classes"]):
        able = [n for n, agent in enumerate(values["agents"]) if suits(agent, ticket_class)]
        if not able:
            message = f"Nobody may serve class {ticket_class['name']}: no agent has its skills"
            message += " and is in its team." if ticket_class["team"] else "."
            found.append((("classes", number), message))
        for agent_number in able:
            agent = values["agents"][agent_number]
            if agent["rate"] is None and ticket_class["name"] not in agent["rates"]:
                message = f"It is not said how fast they serve class {ticket_class['name']}: "
                message += "give `rate`, or `rates` by class."
                found.append((("agents", agent_number), message))
    return found


def suits(agent: Mapping[str, Any], ticket_class: Mapping[str, Any]) -> bool:
    """Tell whether an agent has the skills of a class and is in its team."""
    inside = ticket_class["team"] is None or ticket_class["team"] in agent["teams"]
    needed = ticket_class["skills"].items()
    return inside and all(agent["skills"].get(skill, 0) >= level for skill, level in needed)
