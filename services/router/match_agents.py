"""The other direction: agents who may have room look for waiting tickets.

The list holds agents whose situation changed (came online, finished a ticket, got more capacity,
went offline) and requirements under which a ticket was just parked. Both matter: an agent may get
free in the very moment a ticket is parked, when neither transaction can see the other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.router.decide import ACTOR, Decide, Planned
from services.router.filters import FILTERS
from services.router.matching import MatchingTable
from services.router.model import Candidate, Need, Routed
from services.router.repository import Configuration, RouterRepository, need_of
from services.router.scorers import SCORERS
from shared.db import ticket_changes
from shared.db.engine import Database, Row, Transaction
from shared.db.work_lists import AGENTS_TO_MATCH, REQUIREMENTS_TO_MATCH
from shared.domain.agent import Presence
from shared.domain.clock import Clock
from shared.domain.work import ListName


class MatchAgents:
    """Gives waiting tickets, the most urgent first, to agents who have room."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ring: Callable[[ListName], None],
        repository: RouterRepository,
        batch_size: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._repository = repository
        self._decide = Decide(repository)
        self._batch_size = batch_size

    def __call__(self) -> int:
        """Match one batch; return the number of tickets moved, or a full batch if more may wait."""
        with self._database.transaction() as tx:
            now = self._clock.now()
            agents = AGENTS_TO_MATCH.claim(tx, now, self._batch_size)
            requirements = REQUIREMENTS_TO_MATCH.claim(tx, now, self._batch_size)
            if not agents and not requirements:
                return 0
            configuration = self._repository.configuration(tx)
            returned = self._return_untouched(tx, configuration, agents, now)
            claimed, bound = self._match(tx, configuration, agents, requirements, now)
            full = claimed >= self._batch_size and bound > 0
            if not full:
                self._repository.mark_idle(
                    tx,
                    [agent["id"] for agent in agents],
                    [requirement["signature"] for requirement in requirements],
                )
        if returned or bound:
            self._ring(ListName.EVENTS)
        if returned:
            self._ring(ListName.ROUTING)
        if full or len(agents) == self._batch_size or len(requirements) == self._batch_size:
            return self._batch_size
        return returned + bound

    def _match(
        self,
        tx: Transaction,
        configuration: Configuration,
        agents: Sequence[Row],
        requirements: Sequence[Row],
        now: datetime,
    ) -> tuple[int, int]:
        """Return how many waiting tickets were looked at and how many of them were bound."""
        due = {agent["id"] for agent in agents if agent["presence"] is Presence.ONLINE}
        candidates = [
            candidate
            for candidate in self._repository.candidates(tx, configuration)
            if (requirements or candidate.id in due)
            and candidate.presence is Presence.ONLINE
            and candidate.room
        ]
        if not candidates:
            return 0, 0
        needs = (
            self._repository.waiting_needs(tx)
            if due
            else [need_of(requirement) for requirement in requirements]
        )
        planned = self._claim(tx, needs, candidates, now)
        if not planned:
            return 0, 0
        outcome = self._decide(tx, configuration, planned, candidates, now)
        return len(planned), outcome.bound

    def _claim(
        self, tx: Transaction, needs: Sequence[Need], candidates: Sequence[Candidate], now: datetime
    ) -> list[Planned]:
        """Claim for each need no more tickets than its candidates have room for."""
        table = MatchingTable(FILTERS, SCORERS, candidates, now)
        planned: list[Planned] = []
        for need in needs:
            limit = min(table.room(need), self._batch_size)
            if not limit:
                continue
            # The rules spoke when these tickets were parked; they are not asked again.
            planned += [
                Planned(ticket, Routed(need, ticket["priority"], ()))
                for ticket in self._repository.claim_waiting(tx, need, limit)
            ]
        planned.sort(key=lambda plan: (plan.ticket["rank"], plan.ticket["created_at"]))
        return planned[: self._batch_size]

    def _return_untouched(
        self,
        tx: Transaction,
        configuration: Configuration,
        agents: Sequence[Row],
        now: datetime,
    ) -> int:
        """Take back what agents who went offline have not begun; return how many tickets."""
        returned = 0
        for agent in agents:
            if agent["presence"] is not Presence.OFFLINE:
                continue
            tickets = [
                ticket
                for ticket in self._repository.claim_untouched(tx, agent["id"])
                if configuration.returns_untouched(ticket["team"])
            ]
            identity = {"id": agent["id"], "name": agent["name"], "email": agent["email"]}
            ticket_changes.return_tickets(tx, tickets, identity, now, ACTOR)
            returned += len(tickets)
        return returned
