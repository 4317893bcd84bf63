"""The other direction: agents who may have room look for waiting tickets.

The list holds agents whose situation changed (came online, finished a ticket, got more capacity,
went offline) and requirements under which a ticket was just parked. Both matter: an agent may get
free in the very moment a ticket is parked, when neither transaction can see the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import time_ns

from services.router import decision_spans
from services.router.configuration import Configuration
from services.router.decide import ACTOR, Decide
from services.router.faults import without_failing
from services.router.matching import MatchingTable, Wanted
from services.router.model import Context, Need, Subject
from services.router.orders import Waiting
from services.router.planning import Planned, resume, says_all
from services.router.pool import Pool
from services.router.repository import RouterRepository
from services.router.shadow import Seen, Shadow
from services.router.waiting_repository import readable_needs, waiting_of
from shared.db import ticket_changes
from shared.db.engine import Database, Row, Transaction
from shared.db.work_lists import AGENTS_TO_MATCH, REQUIREMENTS_TO_MATCH, TICKETS_TO_ROUTE
from shared.domain.agent import Presence
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.ticket import Lane, Priority, rank_of
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.observability import tracing
from shared.observability.logging import get_logger

#: How often the router looks whether the next shift of somebody who has none for weeks is known.
LOOK_AT_THE_ABSENT_EVERY = timedelta(days=1)

log = get_logger()


@dataclass(slots=True)
class _InHand:
    """What a batch holds: the claimed tickets."""

    tickets: list[Planned] = field(default_factory=list)
    #: Whether somebody else held tickets that the candidates have room for.
    passed_over: bool = False
    #: What shadow profiles are to decide on after the commit.
    seen: list[Seen] = field(default_factory=list)
    #: Whether more classes of tickets wait than were looked at.
    more: bool = False
    #: Tickets that have to be routed anew, because their need does not say all any more.
    outdated: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all: it begins anew."""
        self.tickets.clear()
        self.outdated.clear()
        self.passed_over = self.more = False


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
        self._shadow = Shadow(database, repository, self._decide)
        self._batch_size = batch_size

    def __call__(self) -> int:
        """Match one batch; return the number of tickets moved, or a full batch if more may wait.

        When it fails, the waiting tickets it had in hand go to the routing list, where each is
        handled alone: a bad one ends there as dead, and the others are not held up by it.
        """
        in_hand = _InHand()
        try:
            moved = self._run(in_hand)
        except Unavailable:
            raise
        except Exception:
            if not in_hand.tickets:
                raise
            log.exception("match.failed", tickets=len(in_hand.tickets))
        else:
            self._shadow(in_hand.seen)
            return moved
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
            failpoint("match.claimed")
            configuration = self._repository.configuration(tx)
            pool = self._repository.pool(tx, configuration, now)
            returned, later = self._return_untouched(tx, configuration, agents, now)
            later = _next_shifts(pool, agents, now) | later
            self._repository.watchdog.begin()
            only, configuration = without_failing(
                configuration,
                lambda using: self._claim(tx, using, agents, requirements, pool, now, in_hand),
            )
            tracing.claimed(plan.ticket for plan in in_hand.tickets)
            began = time_ns()
            context = self._repository.context(pool, now)
            outcome = self._decide(
                tx, configuration, in_hand.tickets, pool, context, only=only, wait=False
            )
            in_hand.seen += self._shadow.seen(
                configuration, in_hand.tickets, pool, context, outcome, only
            )
            decision_spans.tell(tx, outcome.made, began)
            TICKETS_TO_ROUTE.wake(tx, in_hand.outdated, now)
            full = outcome.bound > 0 and (in_hand.more or len(in_hand.tickets) >= self._batch_size)
            # What others held may come free with nobody to ring: these stay on the list.
            if not full and not outcome.contested and not in_hand.passed_over:
                self._repository.mark_idle(
                    tx,
                    [agent["id"] for agent in agents if agent["id"] not in later],
                    [requirement["signature"] for requirement in requirements],
                )
                AGENTS_TO_MATCH.put_off(tx, list(later.items()))
            failpoint("match.bound")
        failpoint("match.committed")
        if returned or outcome.bound:
            self._ring(ListName.EVENTS)
        if returned or in_hand.outdated:
            self._ring(ListName.ROUTING)
        if full or len(agents) == self._batch_size or len(requirements) == self._batch_size:
            return self._batch_size
        return returned + outcome.bound + len(in_hand.outdated)

    def _claim(
        self,
        tx: Transaction,
        configuration: Configuration,
        agents: Sequence[Row],
        requirements: Sequence[Row],
        pool: Pool,
        now: datetime,
        in_hand: _InHand,
    ) -> int:
        """Claim waiting tickets, the most urgent first, and no more than there is room for.

        Agents that are due look at everything that waits; a requirement that is due is shown to
        everybody. Returns who looks, as a set of positions. It begins anew if a plugin fails in it.
        """
        in_hand.clear()
        online = pool.facts.presences.get(Presence.ONLINE, 0)
        due = pool.named([a["id"] for a in agents if a["presence"] is Presence.ONLINE])
        looking = (online if requirements else due & online) & ~pool.full(1)
        if not looking:
            return looking
        needs = self._repository.waiting_needs(tx) if due else readable_needs(requirements)
        table = MatchingTable(pool.copy(), Context(now), looking)
        servable: dict[str, tuple[Need, int]] = {}
        for need in needs:
            room = table.room(_anybody(configuration, need, now))
            if room:
                servable[need.signature] = need, room
        if not servable:
            return looking
        heads = self._repository.heads(tx, list(servable), now)
        limit = min(self._batch_size, sum(agent.room for agent in pool.members(looking)))
        urgency = _Urgency(configuration, now, self._queued(tx, configuration, servable))
        # Classes that are more urgent may all want the same agent: others may have room yet.
        in_hand.more = len(heads) > limit
        # Among the `n` most urgent tickets of all there are only tickets of the `n` first classes:
        # within a class nothing is more urgent than its head.
        heads.sort(key=lambda head: urgency(servable[head.signature][0], head.rank, head.ticket))
        for head in heads[:limit]:
            need, room = servable[head.signature]
            wanted = min(room, limit)
            claimed = self._repository.claim_waiting(tx, head, wanted, now)
            if len(claimed) < wanted:
                count = self._repository.count_waiting(tx, head, wanted, now)
                in_hand.passed_over |= count > len(claimed)
            for ticket in claimed:
                if says_all(need, ticket, pool):
                    in_hand.tickets.append(resume(configuration, ticket, need))
                else:
                    in_hand.outdated.append(ticket["id"])
        in_hand.tickets.sort(
            key=lambda plan: urgency(
                plan.subject.need, plan.ticket["rank"], waiting_of(plan.ticket)
            )
        )
        del in_hand.tickets[self._batch_size :]
        return looking

    def _queued(
        self,
        tx: Transaction,
        configuration: Configuration,
        servable: Mapping[str, tuple[Need, int]],
    ) -> dict[str, int]:
        """Count how many tickets wait with each need, where an order asks for it."""
        counted = [
            signature
            for signature, (need, _) in servable.items()
            if configuration.strategy(need.profile).order.counts
        ]
        return self._repository.queued(tx, counted) if counted else {}

    def _return_untouched(
        self,
        tx: Transaction,
        configuration: Configuration,
        agents: Sequence[Row],
        now: datetime,
    ) -> tuple[int, dict[str, datetime]]:
        """Take back what agents who left have not begun, once their team's grace is over.

        Returns how many tickets, and when to look at which agent again.
        """
        returned, later = 0, dict[str, datetime]()
        for agent in agents:
            if agent["presence"] is Presence.ONLINE or not agent["load"]:
                continue
            back = []
            untouched, held = self._repository.claim_untouched(tx, agent["id"])
            if held:
                # Nobody rings when they come free unchanged; so the agent stays on the list.
                later[agent["id"]] = now
            for ticket in untouched:
                until = self._grace_ends(configuration, agent, ticket)
                if until is not None and until <= now:
                    back.append(ticket)
                elif until is not None:
                    later[agent["id"]] = min(until, later.get(agent["id"], until))
            identity = {"id": agent["id"], "name": agent["name"], "email": agent["email"]}
            ticket_changes.take_back(tx, [(ticket, identity) for ticket in back], now, ACTOR)
            returned += len(back)
        return returned, later

    def _grace_ends(self, configuration: Configuration, agent: Row, ticket: Row) -> datetime | None:
        policy = configuration.policy(ticket["team"])
        offline = agent["presence"] is Presence.OFFLINE
        grace_s = policy.offline_grace_s if offline else policy.away_grace_s
        if grace_s is None:
            return None
        since: datetime = agent["presence_since"]
        return since + timedelta(seconds=grace_s)


class _Urgency:
    """Sort keys of waiting tickets: live before bulk, then by the order of each profile."""

    def __init__(
        self, configuration: Configuration, now: datetime, queued: Mapping[str, int]
    ) -> None:
        self._configuration = configuration
        self._context = Context(now)
        self._queued = queued

    def __call__(self, need: Need, rank: int, ticket: Waiting) -> tuple[float, ...]:
        lane = rank >= rank_of(Lane.BULK, 0)
        order = self._configuration.strategy(need.profile).order
        queued = self._queued.get(need.signature, 1)
        known = replace(ticket, signature=need.signature, queued=queued)
        return (lane, *order.key(known, self._context))


def _anybody(configuration: Configuration, need: Need, now: datetime) -> Wanted:
    """Return a ticket with this need and nothing else, for filters look at the need alone."""
    subject = Subject("", need, Priority.MEDIUM, now, now)
    return Wanted(subject, configuration.strategy(need.profile).pipeline)


def _next_shifts(pool: Pool, agents: Sequence[Row], now: datetime) -> dict[str, datetime]:
    """Return when to look at agents again because a shift of theirs begins."""
    found = {}
    for agent in pool.members(pool.named([agent["id"] for agent in agents])):
        if agent.shift is not None:
            # Whoever is away for longer than schedules reach is looked at every day.
            found[agent.id] = agent.shift.next_start(now) or now + LOOK_AT_THE_ABSENT_EVERY
    return found
