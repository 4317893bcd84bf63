"""One assignment for each ticket, whatever rings, however often, and whoever else is routing."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from sqlalchemy import func, select, text

from services.router.match_agents import MatchAgents
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from shared.db.engine import Database
from shared.db.models import Agent, Assignment, Ticket
from shared.db.models.base import table
from shared.domain.work import ListName, WorkState
from shared.messaging.doorbell import _message
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.desk import Desk
from tests.fixtures.modes import Mode
from tests.invariants import assert_sound
from tests.processes import patchbay
from tests.waiting import eventually, in_threads

TICKETS = table(Ticket)


def count(database: Database, *conditions: object) -> int:
    query = select(func.count()).select_from(TICKETS).where(*conditions)  # type: ignore[arg-type]
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def assert_filled(database: Database, tickets: int, capacity: int) -> None:
    """So many tickets found an agent as there was room for; the others wait, and nobody is over."""
    assigned = min(tickets, capacity)
    assert count(database, TICKETS.c.work_state == WorkState.DONE) == assigned
    assert count(database, TICKETS.c.work_state == WorkState.WAITING) == tickets - assigned
    agents = table(Agent)
    with database.reading() as connection:
        open_ones = connection.execute(select(func.count()).select_from(table(Assignment)))
        assert open_ones.scalar_one() == assigned
        loads = connection.execute(select(agents.c.load, agents.c.capacity)).all()
    assert all(load <= most for load, most in loads)
    assert_sound(database)


def nothing_left_to_do(database: Database) -> bool:
    agents = table(Agent)
    ready = select(func.count()).select_from(agents).where(agents.c.work_state == WorkState.READY)
    with database.reading() as connection:
        busy = connection.execute(ready).scalar_one()
    return not busy and not count(database, TICKETS.c.work_state == WorkState.READY)


def some_tickets(desk: Desk, number: int) -> None:
    """Post tickets from a few threads at once, half of them for a team, some with a skill."""

    def post(thread: int) -> None:
        for index in range(thread, number, 4):
            changed: dict[str, object] = {}
            if index % 2:
                changed["team"] = "network"
            if index % 3 == 0:
                changed["required_skills"] = [{"skill": "vpn", "level": 1 + index % 2}]
            desk.ticket(**changed)

    in_threads(4, post)


def some_agents(desk: Desk, number: int, capacity: int) -> None:
    desk.skill("vpn")
    desk.team("network")
    for _ in range(number):
        desk.agent(capacity, skills={"vpn": 3}, teams=["network"])


def publish(runtime: Runtime, name: ListName) -> None:
    """Put one doorbell on the broker past the publisher, which would merge it with others."""
    transport = runtime._messaging.transport()
    try:
        transport.publish(name.value, _message(name, 1))
    finally:
        transport.close()


def test_twenty_duplicates_of_a_doorbell_at_once_assign_each_ticket_once(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    some_agents(desk, number=5, capacity=4)
    some_tickets(desk, 60)
    start_host(runtime, ["router"], threads=8)
    in_threads(20, lambda _: publish(runtime, ListName.ROUTING))
    in_threads(20, lambda _: publish(runtime, ListName.MATCHING))
    eventually(lambda: nothing_left_to_do(runtime.database))
    assert_filled(runtime.database, 60, 20)


def test_twenty_handlers_that_never_heard_of_each_other_assign_each_ticket_once(
    desk: Desk, runtime: Runtime, new_runtime: Callable[..., Runtime], settings: Settings
) -> None:
    """Without runners, which would merge runs: the guards in the database stand alone here."""
    some_agents(desk, number=5, capacity=4)
    some_tickets(desk, 100)
    runtimes = [new_runtime() for _ in range(4)]

    def handle(index: int) -> None:
        mine = runtimes[index % 4]
        parts = (mine.database, mine.clock, lambda _: None, RouterRepository(), 7)
        route, match = RouteTickets(*parts), MatchAgents(*parts)
        for _ in range(6):
            route()
            match()

    in_threads(20, handle)
    while RouteTickets(runtime.database, runtime.clock, runtime.ring, RouterRepository(), 50)():
        pass
    assert_filled(runtime.database, 100, 20)


def test_without_any_doorbell_the_watch_brings_every_ticket_to_its_agent(
    desk: Desk,
    runtime: Runtime,
    start_host: Callable[..., WorkerHost],
    new_runtime: Callable[..., Runtime],
) -> None:
    start_host(new_runtime(), ["router"])
    some_agents(desk, number=5, capacity=4)
    # Nobody hears this desk's rings: in memory they stay in its own process, and the queues of
    # RabbitMQ are emptied by nobody else than the router, whose doorbells are taken away here.
    desk.app.extensions["patchbay"].committer._ring = lambda _: None
    some_tickets(desk, 60)
    eventually(lambda: nothing_left_to_do(runtime.database))
    assert_filled(runtime.database, 60, 20)


def test_two_routers_on_the_same_tickets_assign_each_once(
    desk: Desk,
    runtime: Runtime,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> None:
    some_agents(desk, number=6, capacity=5)
    routers = [new_runtime(), new_runtime()]
    for router in routers:
        start_host(router, ["router"])
    some_tickets(desk, 300)
    in_threads(2, lambda index: routers[index].ring(ListName.ROUTING))
    eventually(lambda: nothing_left_to_do(runtime.database))
    assert_filled(runtime.database, 300, 30)


def test_agents_who_finish_keep_two_routers_busy_until_every_ticket_was_served(
    desk: Desk,
    runtime: Runtime,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> None:
    some_agents(desk, number=4, capacity=5)
    for router in [new_runtime(), new_runtime()]:
        start_host(router, ["router"])
    some_tickets(desk, 120)
    serve_all(desk, runtime.database, 120)
    assert_sound(runtime.database)


def serve_all(desk: Desk, database: Database, tickets: int) -> None:
    """Resolve whatever is assigned, in four threads, until all tickets are resolved."""
    found = select(TICKETS.c.id).where(TICKETS.c.status == "open")

    def serve(thread: int) -> None:
        def round_is_last() -> bool:
            with database.reading() as connection:
                ids = list(connection.execute(found).scalars())
            for ticket_id in ids:
                if int(ticket_id[-1], 16) % 4 == thread:
                    desk.step(ticket_id, "resolve")
            return count(database, TICKETS.c.status == "resolved") == tickets

        eventually(round_is_last, timeout_s=40)

    in_threads(4, serve)


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_two_router_processes_on_the_same_tickets_assign_each_once(
    mode: Mode, desk: Desk, runtime: Runtime, settings: Settings
) -> None:
    some_agents(desk, number=8, capacity=10)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(patchbay(settings, "router", "--health-port", "0"))
        some_tickets(desk, 320)
        eventually(lambda: nothing_left_to_do(runtime.database), timeout_s=40)
    assert_filled(runtime.database, 320, 80)


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_two_router_processes_serve_every_ticket_without_a_deadlock(
    mode: Mode, desk: Desk, runtime: Runtime, settings: Settings
) -> None:
    before = deadlocks(runtime.database)
    some_agents(desk, number=4, capacity=5)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(patchbay(settings, "router", "--health-port", "0"))
        some_tickets(desk, 300)
        serve_all(desk, runtime.database, 300)
    assert_sound(runtime.database)
    assert deadlocks(runtime.database) == before


def deadlocks(database: Database) -> int:
    """How many deadlocks PostgreSQL has counted in this database."""
    query = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())
