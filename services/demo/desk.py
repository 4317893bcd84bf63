"""The desk that the log speaks of: who was there, what they could do, what went where.

Nothing is invented but the capacities: the log does not say how much an agent could have in hand,
so room for the whole desk is shared out by how much work the rules send to each team.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.demo.incident import Incident
from shared.db.types import dump_json

#: How much work the whole desk has room for at once. Low enough that tickets wait in a busy moment,
#: high enough that they do not wait for long.
ROOM = 150

#: Nobody works on one thing only; and whoever is alone in a team is not a queue of one.
SMALLEST_CAPACITY = 2

#: Solved incidents of a category that make level 2, 3, 4 and 5; the first one makes level 1.
LEVELS = (3, 8, 20, 50)

#: A subcategory gets a rule of its own once this many of its incidents went elsewhere.
MIN_FOR_A_RULE = 10


@dataclass(frozen=True, slots=True)
class Desk:
    """Bodies for the API: what to create, in this order, before the first ticket."""

    teams: Sequence[Mapping[str, Any]]
    skills: Sequence[Mapping[str, Any]]
    agents: Sequence[Mapping[str, Any]]
    rules: Sequence[Mapping[str, Any]]


def slug(name: str) -> str:
    """Return a name of the log as a key: `Category 55` becomes `category-55`."""
    return name.lower().replace(" ", "-")


def derive_desk(incidents: Sequence[Incident]) -> Desk:
    """Return teams, skills, agents and routing rules as the log shows them."""
    members: dict[str, set[str]] = defaultdict(set)
    solved: dict[str, Counter[str]] = defaultdict(Counter)
    for incident in incidents:
        if incident.agent_final and incident.group_final:
            members[incident.group_final].add(incident.agent_final)
            if incident.category:
                solved[incident.agent_final][incident.category] += 1
    destinations = _destinations(incidents)
    teams = sorted({i.group_final for i in incidents if i.group_final})
    skills = sorted({i.category for i in incidents if i.category})
    return Desk(
        teams=[{"name": slug(team), "title": team} for team in teams],
        skills=[{"name": slug(skill), "description": skill} for skill in skills],
        agents=_agents(members, solved, _demand(incidents, destinations)),
        rules=_rules(destinations, members, solved),
    )


def _destinations(incidents: Sequence[Incident]) -> dict[tuple[str, str | None], str]:
    """Return the group that solved most of each category, and of subcategories that differ.

    The key is (category, subcategory), the subcategory None for the category as a whole.
    """
    groups: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for incident in incidents:
        if incident.category and incident.group_final:
            for subcategory in {None, incident.subcategory}:
                groups[incident.category, subcategory][incident.group_final] += 1
    found = {}
    for (category, subcategory), counts in groups.items():
        group = _most_common(counts)
        exception = counts.total() >= MIN_FOR_A_RULE and group != _most_common(
            groups[category, None]
        )
        if subcategory is None or exception:
            found[category, subcategory] = group
    return found


def _most_common(counts: Counter[str]) -> str:
    return min(counts, key=lambda name: (-counts[name], name))


def _demand(
    incidents: Sequence[Incident], destinations: Mapping[tuple[str, str | None], str]
) -> dict[str, float]:
    """Return which part of all incidents the rules send to each group."""
    counts: Counter[str] = Counter()
    for incident in incidents:
        if incident.category:
            for key in ((incident.category, incident.subcategory), (incident.category, None)):
                if key in destinations:
                    counts[destinations[key]] += 1
                    break
    return {group: count / len(incidents) for group, count in counts.items()}


def _agents(
    members: Mapping[str, set[str]],
    solved: Mapping[str, Counter[str]],
    demand: Mapping[str, float],
) -> list[dict[str, Any]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for group, names in sorted(members.items()):
        for name in names:
            groups[name].append(group)
    return [
        {
            "name": name,
            "email": f"{slug(name)}@example.com",
            "presence": "online",
            "capacity": max(
                SMALLEST_CAPACITY,
                round(ROOM * sum(demand.get(g, 0) / len(members[g]) for g in groups[name])),
            ),
            "teams": [slug(group) for group in groups[name]],
            "skills": [
                {"skill": slug(category), "level": _level(count)}
                for category, count in sorted(solved.get(name, Counter()).items())
            ],
        }
        for name in sorted(groups)
    ]


def _level(count: int) -> int:
    return 1 + sum(count >= needed for needed in LEVELS)


def _rules(
    destinations: Mapping[tuple[str, str | None], str],
    members: Mapping[str, set[str]],
    solved: Mapping[str, Counter[str]],
) -> list[dict[str, Any]]:
    """Return the rules, exceptions first; the first that matches ends the search."""
    products: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (category, subcategory), group in sorted(destinations.items(), key=str):
        if subcategory is not None:
            products[category, group].append(slug(subcategory))
    rules = [
        _rule(category, group, names, members, solved)
        for (category, group), names in sorted(products.items())
    ]
    return rules + [
        _rule(category, group, [], members, solved)
        for (category, subcategory), group in sorted(destinations.items(), key=str)
        if subcategory is None
    ]


def _rule(
    category: str,
    group: str,
    products: Sequence[str],
    members: Mapping[str, set[str]],
    solved: Mapping[str, Counter[str]],
) -> dict[str, Any]:
    """Return one rule; it asks for the skill only where somebody in the team has it."""
    then: dict[str, Any] = {"team": slug(group), "stop": True}
    if any(solved[name][category] for name in members.get(group, ()) if name in solved):
        then["required_skills"] = [{"skill": slug(category), "level": 1}]
    narrowed = " (some products)" if products else ""
    when = f"ticket.category == {dump_json(slug(category))}"
    if products:
        when += f" && ticket.product in {dump_json(products)}"
    return {
        "name": f"{slug(category)}{narrowed} to {slug(group)}",
        "when": when,
        "then": then,
    }
