"""Routing and matching meet at the same agents all the time; nobody may wait in a circle there.

PostgreSQL ends a circle after a second by failing one of the two, so nothing is lost; but each one
costs a second in which a batch stands still, and is a lock order that is wrong.
"""

import pytest

from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.proof import prove

#: Far more tickets than the agents have room for, so that matching never rests.
TICKETS, ROOM = 600, 4

pytestmark = pytest.mark.xdist_group("faults-others")


def test_a_busy_desk_with_two_routers_has_no_deadlock(
    closed_desk: Desk, rounds: int, seed: int, note: Note
) -> None:
    with closed_desk.open(capacity=ROOM) as desk, desk.second("router"):
        run = Run(desk, seed)
        for _ in range(rounds):
            run.post(TICKETS)
        prove(run, note)
        deadlocks = desk.deadlocks()
        note(f"{deadlocks} deadlocks")
        assert deadlocks == 0
