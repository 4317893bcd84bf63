"""What must be true is true at every moment, not only once everything is at rest."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.desk import Desk
from tests.invariants import assert_sound
from tests.waiting import eventually

TICKETS = 30


def test_the_books_are_right_while_services_are_at_work(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    start_host(runtime)
    agent = desk.agent(3)

    def work() -> None:
        for _ in range(TICKETS):
            ticket = desk.ticket()["id"]
            eventually(lambda ticket=ticket: desk.assignee(ticket) == agent)
            desk.presence(agent, "offline")
            desk.presence(agent, "online")
            desk.step(ticket, "resolve")

    with ThreadPoolExecutor(1) as executor:
        working = executor.submit(work)
        while not working.done():
            assert_sound(runtime.database)
        working.result()
