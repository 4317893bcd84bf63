"""Tickets as an installation may get them: of its teams and skills, and such as its rules want."""

import random
from collections.abc import Mapping
from typing import Any

from services.chaos.configuration import Configuration
from services.chaos.traffic import Body
from shared.domain.ticket import Priority

#: How many tickets name a team, need a skill, and have a value that rules look for.
TEAM_SHARE, SKILL_SHARE, COMPARED_SHARE = 0.4, 0.4, 0.5


def bodies(configuration: Configuration) -> Body:
    """Return what makes the body of a ticket; the same for the same number and seed."""
    teams, abilities = configuration.teams, configuration.abilities
    compared = {name: configuration.compared(name) for name in ("category", "product")}

    def body(number: int, rng: random.Random) -> Mapping[str, Any]:
        made: dict[str, Any] = {
            "subject": f"Chaos {number}",
            # One address that gets many mails in a minute would be a loop to the notifier.
            "requester": {"name": "Chaos", "email": f"requester{number}@chaos.invalid"},
            "priority": rng.choice([*Priority]).value,
        }
        if teams and rng.random() < TEAM_SHARE:
            made["team"] = rng.choice(teams)
        if abilities and rng.random() < SKILL_SHARE:
            skill, level = rng.choice(rng.choice(abilities))
            made["required_skills"] = [{"skill": skill, "level": rng.randint(1, level)}]
        for name, values in compared.items():
            if values and rng.random() < COMPARED_SHARE:
                made[name] = rng.choice(values)
        return made

    return body
