"""Asks the router's plugins, in both directions: who takes a ticket, which ticket does one take."""

from collections.abc import Sequence
from dataclasses import replace

from services.router.filters.conflict import ConflictFilter
from services.router.filters.excluded import ExcludedFilter
from services.router.filters.language import LanguageFilter
from services.router.filters.skills import SkillsFilter
from services.router.filters.team import TeamFilter
from services.router.matching import MatchingTable, Wanted
from services.router.model import Candidate, Choice, Context, Need
from services.router.orders import Waiting
from services.router.pool import Pool
from services.router.pool_builder import PoolBuilder
from services.router.simulation.backlog import Backlog, Queued
from services.router.simulation.desk import Job, World
from services.router.strategy import Strategy

Decided = tuple[Queued, Choice]

#: Filters that look at nothing but what never changes in a run. What they said is remembered.
_TIMELESS = (TeamFilter, SkillsFilter, LanguageFilter, ExcludedFilter, ConflictFilter)


class Chooser:
    """A strategy at work on one world; `decisions` counts the tickets shown to the matcher."""

    def __init__(self, world: World, strategy: Strategy, seed: int) -> None:
        self.decisions = 0
        self._world = world
        self._strategy = strategy
        self._seed = seed
        self._needs: dict[tuple[Need, int], Need] = {}
        self._pools: dict[str, PoolBuilder] = {}
        self._suits: dict[tuple[Need, str], bool] = {}
        self._timeless = tuple(f for f in strategy.pipeline.filters if type(f) in _TIMELESS)

    def weighed(self, job: Job) -> Queued:
        """Return a ticket with the weight that the profile gives it."""
        subject = job.subject
        weight = self._strategy.profile.weight_of(subject.channel, subject.priority)
        if weight == subject.need.weight:
            return Queued(job, subject)
        key = subject.need, weight
        need = self._needs.get(key)
        if need is None:
            need = self._needs[key] = replace(subject.need, weight=weight)
        return Queued(job, replace(subject, need=need))

    def route(self, queued: Queued, pool: Pool, now: float) -> list[Decided]:
        """Return the matcher's choice for a ticket that arrives."""
        return self._match([queued], MatchingTable(pool, self._context(now)))

    def serve(
        self, backlog: Backlog, free: Sequence[Candidate], everybody: PoolBuilder, now: float
    ) -> list[Decided]:
        """Return the matcher's choices for the most urgent tickets that the free can serve.

        Of these there are at most as many as the free agents have room for.
        """
        # Nobody else can serve what waits, or they would; but scorers may compare with everybody.
        pool = self._alone(free[0]) if len(free) == 1 else everybody.pool()
        table = MatchingTable(pool, self._context(now))
        tickets = self._most_urgent(backlog, free, table, now)
        return self._match(tickets, table) if tickets else []

    def _match(self, tickets: Sequence[Queued], table: MatchingTable) -> list[Decided]:
        pipeline = self._strategy.pipeline
        self.decisions += len(tickets)
        wanted = [Wanted(queued.subject, pipeline) for queued in tickets]
        return list(zip(tickets, self._strategy.matcher.match(table, wanted), strict=True))

    def _alone(self, agent: Candidate) -> Pool:
        builder = self._pools.get(agent.id)
        if builder is None:
            builder = self._pools[agent.id] = PoolBuilder()
        builder.put(agent)
        return builder.pool()

    def _most_urgent(
        self, backlog: Backlog, free: Sequence[Candidate], table: MatchingTable, now: float
    ) -> list[Queued]:
        context = table.context
        pipeline, order = self._strategy.pipeline, self._strategy.order
        found = []
        for need, example in backlog.needs():
            if not any(self._could_serve(need, agent, context) for agent in free):
                continue
            room = table.room(Wanted(example.subject, pipeline))
            if not room:
                continue
            handling_s = self._handling_s(example.job.kind, free)
            for queued, count in backlog.heads(need, room, now, handling_s):
                found.append((order.key(_as_waiting(queued, count, handling_s), context), queued))
        found.sort(key=lambda pair: (pair[0], pair[1].job.at, pair[1].job.number))
        return [queued for _, queued in found[: sum(agent.room for agent in free)]]

    def _handling_s(self, kind: str, free: Sequence[Candidate]) -> float:
        """Return the work expected of a kind of tickets; for one agent, what they need for it."""
        handling = self._world.handling
        if len(free) == 1 and free[0].id in handling.means[kind]:
            return handling.means[kind][free[0].id]
        return handling.usual(kind)

    def _context(self, now: float) -> Context:
        world = self._world
        return Context(now=world.moment(now), usual=world.usual, seed=self._seed)

    def _could_serve(self, need: Need, agent: Candidate, context: Context) -> bool:
        """Ask the filters whose answer cannot change, once."""
        key = need, agent.id
        found = self._suits.get(key)
        if found is None:
            found = self._suits[key] = not any(
                filter_.reject(need, agent, context) for filter_ in self._timeless
            )
        return found


def _as_waiting(queued: Queued, count: int, handling_s: float) -> Waiting:
    """Return a ticket as orders see it."""
    subject = queued.subject
    return Waiting(
        id=subject.id,
        priority=subject.priority,
        created_at=subject.created_at,
        due_at=subject.due_at,
        handling_s=handling_s,
        signature=subject.need.signature,
        queued=count,
    )
