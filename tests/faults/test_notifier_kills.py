"""Notifiers that are killed again and again while they deliver: nothing is lost, order is kept.

The long form kills fifty times during some five thousand deliveries. The subscriber takes its time,
so every kill finds deliveries that arrived and are not recorded: those come twice, with one id.
"""

import pytest

from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.proof import prove

#: Tickets, kills, and deliveries a second and between two kills, in the short form and in the long
#: one. A ticket has about three events.
SHORT, LONG = (100, 2, 20), (2_000, 50, 60)
PAUSE_S = 0.2
PATIENCE_S = 30.0

pytestmark = pytest.mark.xdist_group("faults-others")


def test_killing_notifiers_while_they_deliver_loses_nothing_and_keeps_the_order(
    desk: Desk, rounds: int, seed: int, note: Note
) -> None:
    tickets, kills, per_s = SHORT if rounds == 1 else LONG
    desk.subscriber.pause_s = PAUSE_S
    desk.pace_webhooks(per_s)
    run = Run(desk, seed)
    run.post(tickets)
    for number in range(kills):
        goal = len(desk.subscriber.arrivals) + per_s
        assert wait_until(lambda goal=goal: _enough(desk, goal), PATIENCE_S), "stalled"
        if number == kills - 1:
            desk.pace_webhooks(1000)
        desk.processes["notifier"].kill()
        desk.restart("notifier")
    prove(run, note, ("notifier killed while it delivers", kills))
    arrivals = desk.subscriber.arrivals
    distinct = {arrival.event_id: arrival.sequence for arrival in arrivals}
    note(f"{kills} kills, {len(arrivals)} arrivals of {len(distinct)} events")
    assert all(distinct[arrival.event_id] == arrival.sequence for arrival in arrivals)


def _enough(desk: Desk, goal: int) -> bool:
    return len(desk.subscriber.arrivals) >= goal or not desk.left()
