"""The other direction: agents who may have room look for waiting tickets.

The list holds agents whose situation changed (came online, finished a ticket, got more capacity,
went offline) and requirements under which a ticket was just parked. Both matter: an agent may get
free in the very moment a ticket is parked, when neither transaction can see the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.router.decide import ACTOR, Decide, Planned
from services.router.filters import FILTERS
from services.router.matching import MatchingTable
from services.router.model import Candidate, Routed
from services.router.repository import Configuration, RouterRepository, readable_needs
from services.router.scorers import SCORERS
from shared.db import ticket_changes
from shared.db.engine import Database, Row, Transaction
from shared.db.work_lists import AGENTS_TO_MATCH, REQUIREMENTS_TO_MATCH, TICKETS_TO_ROUTE
from shared.domain.agent import Presence
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.observability.logging import get_logger

log = get_logger()


@dataclass(slots=True)
class _InHand:
    """What a batch holds: the claimed tickets, and who might take them."""

    tickets: list[Planned] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    #: Whether somebody else held tickets that the candidates have room for.
    passed_over: bool = False


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
        """Match one batch; return the number of tickets moved, or a full batch if more may wait.

        When it fails, the waiting tickets it had in hand go to the routing list, where each is
        handled alone: a bad one ends there as dead, and the others are not held up by it.
        """
        in_hand = _InHand()
        try:
            return self._run(in_hand)
        except Unavailable:
            raise
        except Exception:
            if not in_hand.tickets:
                raise
            log.exception("match.failed", tickets=len(in_hand.tickets))
        keys = [plan.ticket["id"] for plan in in_hand.tickets]
        with self._database.transaction() as tx:
            TICKETS_TO_ROUTE.wake(tx, keys, self._clock.now())
        self._ring(ListName.ROUTING)
        return len(keys)

    def _run(self, in_hand: _InHand) -> int:
        with self._database.transaction() as tx:
            now = self._clock.now()
            agents = AGENTS_TO_MATCH.claim(tx, now, self._batch_size)
            requirements = REQUIREMENTS_TO_MATCH.claim(tx, now, self._batch_size)
            if not agents and not requirements:
                return 0
            configuration = self._repository.configuration(tx)
            returned = self._return_untouched(tx, configuration, agents, now)
            self._claim(tx, configuration, agents, requirements, now, in_hand)
            outcome = self._decide(
                tx, configuration, in_hand.tickets, in_hand.candidates, now, wait=False
            )
            full = len(in_hand.tickets) >= self._batch_size and outcome.bound > 0
            # What others held may come free with nobody to ring: these stay on the list.
            if not full and not outcome.contested and not in_hand.passed_over:
                self._repository.mark_idle(
                    tx,
                    [agent["id"] for agent in agents],
                    [requirement["signature"] for requirement in requirements],
                )
        if returned or outcome.bound:
            self._ring(ListName.EVENTS)
        if returned:
            self._ring(ListName.ROUTING)
        if full or len(agents) == self._batch_size or len(requirements) == self._batch_size:
            return self._batch_size
        return returned + outcome.bound

    def _claim(
        self,
        tx: Transaction,
        configuration: Configuration,
        agents: Sequence[Row],
        requirements: Sequence[Row],
        now: datetime,
        in_hand: _InHand,
    ) -> None:
        """Claim for each need no more waiting tickets than its candidates have room for.

        Agents that are due look at everything that waits; a requirement that is due is shown to
        everybody who has room.
        """
        due = {agent["id"] for agent in agents if agent["presence"] is Presence.ONLINE}
        in_hand.candidates = [
            candidate
            for candidate in self._repository.candidates(tx, configuration)
            if (requirements or candidate.id in due)
            and candidate.presence is Presence.ONLINE
            and candidate.room
        ]
        if not in_hand.candidates:
            return
        needs = self._repository.waiting_needs(tx) if due else readable_needs(requirements)
        table = MatchingTable(FILTERS, SCORERS, in_hand.candidates, now)
        for need in needs:
            limit = min(table.room(need), self._batch_size)
            if not limit:
                continue
            claimed = self._repository.claim_waiting(tx, need, limit)
            if len(claimed) < limit:
                count = self._repository.count_waiting(tx, need, limit)
                in_hand.passed_over |= count > len(claimed)
            # The rules spoke when these tickets were parked; they are not asked again.
            in_hand.tickets += [
                Planned(ticket, Routed(need, ticket["priority"], ())) for ticket in claimed
            ]
        in_hand.tickets.sort(key=lambda plan: (plan.ticket["rank"], plan.ticket["created_at"]))
        del in_hand.tickets[self._batch_size :]

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
