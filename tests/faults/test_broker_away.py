"""A dead broker slows, it does not stop: answers as ever, assigned and delivered within 3 s."""

from collections.abc import Iterator, Sequence
from statistics import median, quantiles
from time import monotonic

import pytest

from deploy.local import Servers
from services.chaos.client import Answer
from shared.domain.event import EventType
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.proof import prove

TICKETS, INTERVAL_S = 60, 0.05

#: Enough for every ticket, so that none waits for an agent.
ROOM = 1_000

#: From the 201 to the webhook that tells the assignment.
AWAY_WITHIN_S = 3.0
MEDIAN_WITH_DOORBELLS_S = 0.5
DELIVERY_DEADLINE_S = 30.0

#: How many times slower an answer may be without a broker; below the floor nobody notices.
SLOWDOWN, FLOOR_S = 5.0, 1.0

pytestmark = pytest.mark.xdist_group("faults-others")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Freeze the broker, which is the worse; in the long form also stop it."""
    if "how" in metafunc.fixturenames:
        long = metafunc.config.getoption("--rounds", 1) > 1
        metafunc.parametrize("how", ["stopped", "frozen"] if long else ["frozen"])


@pytest.fixture
def roomy_desk(closed_desk: Desk) -> Iterator[Desk]:
    with closed_desk.open(capacity=ROOM) as desk:
        yield desk


def test_without_a_broker_tickets_are_answered_as_ever_and_delivered_within_three_seconds(
    roomy_desk: Desk, servers: Servers, how: str, rounds: int, seed: int, note: Note
) -> None:
    """In the long form every round is longer; the third outlasts the heartbeats (10 s, twice)."""
    rabbitmq = servers.rabbitmq
    take_away, give_back = {
        "stopped": (rabbitmq.stop, rabbitmq.start),
        "frozen": (rabbitmq.freeze, rabbitmq.thaw),
    }[how]
    run = Run(roomy_desk, seed)
    run.post_until_doorbells()
    healthy_answers, healthy = measure(run, TICKETS, "healthy", note)
    assert median(healthy) < MEDIAN_WITH_DOORBELLS_S
    for number in range(rounds):
        take_away()
        try:
            answers, delivered = measure(run, TICKETS * (1 + 4 * number), how, note)
        finally:
            give_back()
        given_back = monotonic()
        assert median(answers) <= max(FLOOR_S, SLOWDOWN * median(healthy_answers))
        assert p95(answers) <= max(FLOOR_S, SLOWDOWN * p95(healthy_answers))
        assert max(delivered) <= AWAY_WITHIN_S
        run.post_until_doorbells()
        note(f"doorbells heard {monotonic() - given_back:.1f} s after the end of “{how}”")
        _, again = measure(run, TICKETS, "back", note)
        assert median(again) < MEDIAN_WITH_DOORBELLS_S
    prove(run, note, (f"RabbitMQ {how} for a while", rounds))


def measure(run: Run, tickets: int, state: str, note: Note) -> tuple[list[float], list[float]]:
    """Post tickets; return how long each answer took, and each way from there to the webhook."""
    answers = run.post_paced(tickets, INTERVAL_S)
    delivered = ways_to_webhook(run.desk, answers)
    took = [answer.took_s for answer in answers]
    note(
        f"{state}, median/p95/slowest in ms: 201 after {_figures(took)}, from there to the webhook "
        f"{_figures(delivered)}"
    )
    return took, delivered


def ways_to_webhook(desk: Desk, answers: Sequence[Answer]) -> list[float]:
    """Wait for each ticket's `ticket.assigned` webhook; return the seconds since its 201."""
    tickets = {answer.document["id"]: answer.at for answer in answers}

    def all_told() -> bool:
        return tickets.keys() <= desk.subscriber.first(EventType.TICKET_ASSIGNED).keys()

    assert wait_until(all_told, DELIVERY_DEADLINE_S), desk.left()
    told = desk.subscriber.first(EventType.TICKET_ASSIGNED)
    return [max(0.0, told[ticket] - at) for ticket, at in tickets.items()]


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]


def _figures(values: Sequence[float]) -> str:
    return "/".join(f"{value * 1000:.0f}" for value in (median(values), p95(values), max(values)))
