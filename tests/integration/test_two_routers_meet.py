"""Two routers in the same moment, stopped at the points where it matters.

On SQLite transactions take turns, so these meetings happen on PostgreSQL alone.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from services.router.configuration import Configuration
from services.router.match_agents import MatchAgents
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from services.router.waiting_repository import Head
from services.router.wake_tickets import WakeTickets
from shared.db.engine import Transaction
from shared.db.housekeeping import forget_requirements
from shared.db.models import Requirement, Ticket, WaitingLook
from shared.db.models.base import table
from shared.runtime import Runtime
from tests.desk import Desk
from tests.fixtures.modes import Mode
from tests.invariants import assert_sound
from tests.rows import rows
from tests.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.parametrize("mode", ["distributed"], indirect=True)


class Halting(RouterRepository):
    """The real repository, which stops once after a chosen call until it is let go."""

    def __init__(self, after: str) -> None:
        super().__init__()
        self._after = after
        self._claimed = 0
        self.reached, self.released = threading.Event(), threading.Event()

    def _halt(self, where: str) -> None:
        if where == self._after and not self.reached.is_set():
            self.reached.set()
            assert self.released.wait(DEADLINE_S)

    def configuration(self, tx: Transaction) -> Configuration:
        found = super().configuration(tx)
        self._halt("configuration")
        return found

    def claim_waiting(self, tx: Transaction, head: Head, limit: int, now: datetime) -> Any:
        found = super().claim_waiting(tx, head, limit, now)
        self._claimed += len(found)
        if self._claimed == 2:
            self._halt("claims of two")
        return found


def parts(runtime: Runtime, repository: RouterRepository | None = None) -> tuple[Any, ...]:
    return (
        runtime.database,
        runtime.clock,
        lambda _: None,
        repository or RouterRepository(),
        50,
    )


@contextmanager
def beside(*calls: Callable[[], Any]) -> Iterator[list[threading.Thread]]:
    """Run calls in threads beside the block; their errors are raised at its end."""
    errors: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 -- raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.join(DEADLINE_S)
    if errors:
        raise errors[0]


def settle(runtime: Runtime) -> None:
    """Let one router do whatever is left to do."""
    route, match = RouteTickets(*parts(runtime)), MatchAgents(*parts(runtime))
    while route() + match():
        pass


def waiting(desk: Desk, runtime: Runtime, skill: str) -> str:
    ticket_id = str(desk.ticket(required_skills=[{"skill": skill, "level": 1}])["id"])
    settle(runtime)
    assert desk.event_types(ticket_id)[-1] == "ticket.waiting"
    return ticket_id


def test_a_ticket_that_another_router_looked_at_and_left_is_not_forgotten(
    mode: Mode, desk: Desk, runtime: Runtime, new_runtime: Callable[..., Runtime]
) -> None:
    """The first router claims two tickets and can give only one away; meanwhile a second agent
    comes online, and the second router finds both tickets locked.
    """
    desk.skill("dns", "vpn")
    first = desk.agent(0, skills={"dns": 1, "vpn": 1})
    second = desk.agent(1, skills={"dns": 1, "vpn": 1}, presence="offline")
    tickets = [waiting(desk, runtime, "dns"), waiting(desk, runtime, "vpn")]
    desk.change_agent(first, capacity=1)
    # Has room too, and no skill: so two are claimed, and only one of them can be given away.
    desk.agent(1)
    halting = Halting(after="claims of two")
    with beside(MatchAgents(*parts(new_runtime(), halting))):
        assert halting.reached.wait(DEADLINE_S)
        desk.presence(second, "online")
        MatchAgents(*parts(runtime))()
        halting.released.set()
    settle(runtime)
    assert {desk.assignee(ticket_id) for ticket_id in tickets} == {first, second}
    assert_sound(runtime.database)


def test_a_router_that_parks_and_one_that_matches_do_not_wait_in_a_circle(
    mode: Mode, desk: Desk, runtime: Runtime, new_runtime: Callable[..., Runtime]
) -> None:
    """The matching router holds a requirement and wants the agent; the routing one holds the agent
    and wants the requirement.
    """
    desk.skill("vpn")
    agent = desk.agent(1, skills={"vpn": 1})
    held = desk.ticket(required_skills=[{"skill": "vpn", "level": 1}])["id"]
    settle(runtime)
    assert desk.assignee(held) == agent
    parked = desk.ticket(required_skills=[{"skill": "vpn", "level": 1}])["id"]
    RouteTickets(*parts(runtime))()
    matching = Halting(after="configuration")
    with beside(MatchAgents(*parts(new_runtime(), matching))):
        assert matching.reached.wait(DEADLINE_S)
        desk.step(held, "resolve")
        fresh = [
            desk.ticket(required_skills=[{"skill": "vpn", "level": 1}])["id"] for _ in range(2)
        ]
        with beside(RouteTickets(*parts(new_runtime()))) as [routing]:
            eventually(lambda: not routing.is_alive() or blocked(runtime))
            matching.released.set()
    settle(runtime)
    assigned = [desk.assignee(ticket_id) for ticket_id in [parked, *fresh]]
    assert sorted(map(str, assigned)) == ["None", "None", agent]
    assert_sound(runtime.database)


def test_a_ticket_that_is_held_while_its_agent_leaves_goes_back_all_the_same(
    mode: Mode, desk: Desk, runtime: Runtime, new_runtime: Callable[..., Runtime]
) -> None:
    """Somebody locks the ticket and changes nothing; the router looks in that very moment."""
    agent = desk.agent(1)
    ticket = desk.ticket()["id"]
    settle(runtime)
    assert desk.assignee(ticket) == agent
    with new_runtime().database.transaction() as tx:
        tx.execute(select(table(Ticket).c.id).where(table(Ticket).c.id == ticket).with_for_update())
        desk.presence(agent, "offline")
        MatchAgents(*parts(runtime))()
        assert desk.assignee(ticket) == agent
    MatchAgents(*parts(runtime))()
    assert desk.event_types(ticket)[-1] == "ticket.returned"
    assert_sound(runtime.database)


def test_a_need_for_which_a_ticket_is_parked_is_not_forgotten_in_that_moment(
    mode: Mode, desk: Desk, runtime: Runtime, new_runtime: Callable[..., Runtime]
) -> None:
    """The clean-up finds two needs unused and has to wait for the first one; meanwhile a ticket is
    parked under the second one.
    """
    desk.skill("dns", "vpn")
    for skill in ("dns", "vpn"):
        desk.step(waiting(desk, runtime, skill), "resolve")
    first = select(table(Requirement).c.signature).limit(1).with_for_update()
    with new_runtime().database.engine.connect() as holding:
        holding.execute(first)
        with beside(lambda: forget_requirements(runtime.database)) as [forgetting]:
            eventually(lambda: not forgetting.is_alive() or blocked(runtime))
            ticket = waiting(desk, runtime, "vpn")
            holding.rollback()
    agent = desk.agent(1, skills={"vpn": 1})
    settle(runtime)
    assert desk.assignee(ticket) == agent


def test_a_ticket_that_is_parked_by_the_rules_before_is_routed_by_the_new_ones(
    mode: Mode, desk: Desk, runtime: Runtime, new_runtime: Callable[..., Runtime]
) -> None:
    """A router has read the rules and not yet parked the ticket when others take their place."""
    desk.team("night")
    ticket = str(desk.ticket()["id"])
    slow = Halting(after="configuration")
    wake = WakeTickets(runtime.database, runtime.clock, lambda _: None, 50)
    with beside(RouteTickets(*parts(new_runtime(), slow))):
        assert slow.reached.wait(DEADLINE_S)
        rule = {"name": "all", "when": "true", "then": {"team": "night"}}
        desk.ok("PUT", "/v1/routing/rules", {"rules": [rule]})
        for _ in range(3):
            wake()
        assert rows(runtime.database, WaitingLook), "it begins once that router is done"
        slow.released.set()
    while wake():
        settle(runtime)
    assert desk.read(ticket)["team"] == "night"
    assert_sound(runtime.database)


def blocked(runtime: Runtime) -> bool:
    """Tell whether somebody waits for a lock of this database."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with runtime.database.reading() as connection:
        return bool(connection.execute(query).scalar_one())
