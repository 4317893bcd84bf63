"""What teaching a skill would be worth, by the hindsight program on a piece of the work."""

from dataclasses import dataclass

from services.router.simulation.bounds import hindsight
from services.router.simulation.desk import World
from services.router.simulation.theory.shadow_prices import skill_reduced_cost, teach

#: Lessons that are computed exactly; the program is solved once for each.
MOST_LESSONS = 8


@dataclass(frozen=True, slots=True)
class SkillPrice:
    """By how many seconds the least possible mean wait falls if an agent learns a skill."""

    agent: str
    skill: str
    saved_s: float


def skill_prices(world: World, seed: int) -> list[SkillPrice]:
    """Return the lessons that pay, the best first, for the first tickets of a run.

    Raises LabError if there is no answer. Shifts are left out: everybody is taken to be there.
    """
    jobs = world.source.jobs(seed)
    bound, slot_s = hindsight(world, jobs, seed)
    kinds = sorted({ticket.kind for ticket in bound.trace.tickets})
    costs = []
    for group in bound.trace.groups:
        for kind in kinds:
            if kind not in group.skills:
                cost = skill_reduced_cost(bound, group, kind)
                costs.append((cost, group.agents[0].name, kind))
    lessons = [
        teach(bound, agent, kind) for cost, agent, kind in sorted(costs)[:MOST_LESSONS] if cost < 0
    ]
    prices = [SkillPrice(one.agent, one.skill, one.saved * slot_s) for one in lessons]
    return sorted((p for p in prices if p.saved_s > 0), key=lambda price: -price.saved_s)
