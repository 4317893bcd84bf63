"""The simulation: a virtual clock, a heap of events, and the router's own plugins.

An arriving ticket looks for an agent, and an agent who has room again takes the most urgent ticket
that they can serve, as in production: the same strategy, pools and tables decide. What is left out
is what does not decide: the database, the doorbells, the messages.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from services.router.model import Candidate, Choice
from services.router.pool_builder import PoolBuilder
from services.router.simulation.backlog import Backlog, Queued
from services.router.simulation.chooser import Chooser, Decided
from services.router.simulation.desk import Job, World
from services.router.simulation.draws import Draws, DrawsBy
from services.router.simulation.outcome import Outcome
from services.router.simulation.recorder import Recorder
from services.router.strategy import Strategy

#: Kinds of events. At one moment people come first, then work ends, then tickets arrive.
_ON_SHIFT, _DONE = 0, 1


@dataclass(frozen=True, slots=True)
class _Stint:
    """One agent's work on a ticket."""

    queued: Queued
    agent_id: str


class Simulation:
    """One run of one strategy; the same arguments give the same outcome.

    `jobs` may be given to save drawing them again for each profile.
    """

    def __init__(
        self,
        world: World,
        strategy: Strategy,
        seed: int,
        draws_by: DrawsBy = DrawsBy.START,
        jobs: Sequence[Job] | None = None,
    ) -> None:
        self._world = world
        self._strategy = strategy
        self._jobs = world.source.jobs(seed) if jobs is None else jobs
        self._draws = Draws(world.handling.law, seed, draws_by, self._jobs)
        self._chooser = Chooser(world, strategy, seed)
        self._recorder = Recorder(world, self._jobs)
        self._agents = PoolBuilder([worker.candidate for worker in world.workers])
        self._room = sum(worker.candidate.room for worker in world.workers)
        self._backlog = Backlog()
        self._events: list[tuple[float, int, int, object]] = []
        self._scheduled = 0
        self._in_hand = 0

    def run(self) -> Outcome:
        """Simulate until nothing can happen any more."""
        for worker in self._world.workers:
            for begin, _ in worker.shifts or ():
                self._schedule(begin, _ON_SHIFT, worker.id)
        arrivals = deque(self._jobs)
        while arrivals or self._in_hand or (self._backlog and self._events):
            if arrivals and (not self._events or arrivals[0].at < self._events[0][0]):
                job = arrivals.popleft()
                self._route(self._chooser.weighed(job), job.at)
            else:
                self._next_event()
        faults = self._strategy.pipeline.faults
        return self._recorder.outcome(
            self._chooser.decisions,
            tuple(f"{fault.kind} {fault.plugin}: {fault.error}" for fault in faults),
        )

    def _schedule(self, at: float, kind: int, event: object) -> None:
        self._scheduled += 1
        heapq.heappush(self._events, (at, kind, self._scheduled, event))

    def _next_event(self) -> None:
        now, kind, _, event = heapq.heappop(self._events)
        if kind == _DONE:
            self._finish(cast("_Stint", event), now)
            return
        came = [cast("str", event)]
        while self._events and self._events[0][:2] == (now, kind):
            came.append(cast("str", heapq.heappop(self._events)[3]))
        self._serve(came, now)

    def _route(self, queued: Queued, now: float) -> None:
        """Look for an agent; the ticket waits if there is none."""
        # Where nobody has room nothing needs to be decided.
        decided = self._chooser.route(queued, self._agents.pool(), now) if self._room else []
        if not self._bind(decided, now):
            self._backlog.add(queued)

    def _serve(self, agent_ids: Sequence[str], now: float) -> None:
        """Let agents take the most urgent tickets that they can serve, while they have room."""
        while self._backlog:
            known = map(self._agents.get, agent_ids)
            free = [agent for agent in known if agent is not None and agent.room]
            if not free:
                return
            bound = self._bind(self._chooser.serve(self._backlog, free, self._agents, now), now)
            if not bound:
                return
            for queued in bound:
                self._backlog.remove(queued)

    def _bind(self, decided: Sequence[Decided], now: float) -> list[Queued]:
        """Give tickets to the agents that were chosen; return those that somebody took."""
        bound = []
        for queued, choice in decided:
            agent = self._guarded(choice, queued.subject.need.weight)
            if agent is not None:
                self._start(queued, agent, now)
                bound.append(queued)
        return bound

    def _guarded(self, choice: Choice, weight: int) -> Candidate | None:
        """Return the winner, or who comes next if they have no room: production's guarded bind."""
        if choice.winner is None:
            return None
        for candidate in (choice.winner, *(scored.candidate for scored in choice.ranking)):
            known = self._agents.get(candidate.id)
            if known is not None and known.room >= weight:
                return known
        return None

    def _start(self, queued: Queued, agent: Candidate, now: float) -> None:
        job, weight = queued.job, queued.subject.need.weight
        again = self._recorder.was_started(job)
        factor = self._draws.repeated() if again else self._draws.first(job)
        end = now + factor * self._world.handling.means[job.kind][agent.id]
        self._recorder.started(job, agent.id, now, end, weight)
        moment = self._world.moment(now)
        self._change(
            replace(agent, load=agent.load + weight, idle_since=moment, assigned_at=moment)
        )
        self._in_hand += 1
        self._schedule(end, _DONE, _Stint(queued, agent.id))

    def _finish(self, stint: _Stint, now: float) -> None:
        """End a stint: the ticket is resolved or handed on, and the agent has room again."""
        queued, agent_id = stint.queued, stint.agent_id
        need = queued.subject.need
        agent = self._agents.get(agent_id)
        assert agent is not None  # noqa: S101 -- agents never leave
        self._change(
            replace(agent, load=agent.load - need.weight, idle_since=self._world.moment(now))
        )
        self._in_hand -= 1
        handed_on = self._hands_on(queued, agent_id)
        if not handed_on:
            self._recorder.resolved(queued.job, agent_id, now)
        self._serve([agent_id], now)
        if handed_on:
            self._recorder.handed_on(queued.job)
            excluded = tuple(sorted({*need.excluded, agent_id}))
            subject = replace(queued.subject, need=replace(need, excluded=excluded))
            self._route(Queued(queued.job, subject), now)

    def _change(self, agent: Candidate) -> None:
        before = self._agents.get(agent.id)
        self._room += agent.room - (before.room if before else 0)
        self._agents.put(agent)

    def _hands_on(self, queued: Queued, agent_id: str) -> bool:
        """Draw whether somebody else has to take over; the last who could take it keeps it."""
        handling, kind = self._world.handling, queued.job.kind
        chance = handling.handover.get(kind, {}).get(agent_id, 0.0)
        if not chance:
            return False
        others = handling.servers(kind) - {agent_id, *queued.subject.need.excluded}
        return bool(others) and self._draws.handover.random() < chance
