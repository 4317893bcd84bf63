"""What repairs lost doorbells: the watch finds ripe rows, the timers ring when rows fall due."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from shared.db.engine import Database
from shared.db.models import OutboxEntry
from shared.db.models.base import table
from shared.db.work_lists import EVENTS_TO_FAN_OUT
from shared.domain.clock import ManualClock
from shared.domain.work import ListName
from shared.messaging.list_runner import ListRunner
from shared.messaging.timers import LEASE, LONGEST_REST_S, DueList, PeriodicJob, Timers
from shared.messaging.watch import ALERT_PATIENCE_S, Watch, Watched
from tests.factories import NOW, outbox_entry
from tests.rows import rows
from tests.waiting import eventually

INTERVAL_S = 0.5


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def add(database: Database, available_at: datetime) -> None:
    with database.transaction() as tx:
        tx.insert(table(OutboxEntry), [outbox_entry(available_at=available_at)])


@pytest.fixture
def watch(database: Database, clock: ManualClock) -> Watch:
    """A watch over the outbox, whose handler takes whatever is ready."""

    def handle() -> int:
        with database.transaction() as tx:
            claimed = EVENTS_TO_FAN_OUT.claim(tx, clock.now(), 100)
            tx.delete(table(OutboxEntry), [row["id"] for row in claimed])
        return len(claimed)

    runner = ListRunner(ListName.EVENTS, handle, full_batch=100, ring=lambda _: None)
    watched = Watched(EVENTS_TO_FAN_OUT.has_ready, runner)
    return Watch(database, clock, [watched], INTERVAL_S)


def test_the_watch_leaves_fresh_rows_to_their_doorbell(
    database: Database, clock: ManualClock, watch: Watch
) -> None:
    add(database, NOW)
    assert watch.look() == 0
    clock.advance(timedelta(seconds=INTERVAL_S))
    assert watch.look() == 1
    assert rows(database, OutboxEntry) == []


def test_once_it_found_something_it_is_less_patient(
    database: Database, clock: ManualClock, watch: Watch
) -> None:
    add(database, NOW - timedelta(seconds=1))
    assert watch.look() == 1
    add(database, NOW)
    assert watch.look() == 0
    clock.advance(timedelta(seconds=ALERT_PATIENCE_S))
    assert watch.look() == 1


def test_it_takes_no_row_before_its_time(
    database: Database, clock: ManualClock, watch: Watch
) -> None:
    add(database, NOW - timedelta(seconds=1))
    add(database, NOW + timedelta(seconds=60))
    assert watch.look() == 1
    assert watch.look() == 0
    assert len(rows(database, OutboxEntry)) == 1


def test_its_first_look_takes_what_an_earlier_life_left(database: Database, watch: Watch) -> None:
    add(database, NOW - timedelta(seconds=1))
    watch.start()
    try:
        eventually(lambda: not rows(database, OutboxEntry))
    finally:
        watch.stop(5)


class Rings:
    """Remembers which lists were rung."""

    def __init__(self) -> None:
        self.names: list[ListName] = []

    def __call__(self, name: ListName) -> None:
        self.names.append(name)


@pytest.fixture
def new_timers(database: Database, clock: ManualClock) -> Callable[..., tuple[Timers, Rings]]:
    def make(holder: str, *jobs: PeriodicJob) -> tuple[Timers, Rings]:
        rings = Rings()
        lists = [DueList(ListName.EVENTS, EVENTS_TO_FAN_OUT.next_due)]
        timers = Timers(
            database, clock, name="timers:test", holder=holder, lists=lists, jobs=jobs, ring=rings
        )
        return timers, rings

    return make


def test_a_list_is_rung_at_the_moment_its_next_row_is_due(
    database: Database, clock: ManualClock, new_timers: Callable[..., tuple[Timers, Rings]]
) -> None:
    timers, rings = new_timers("a")
    add(database, NOW + timedelta(seconds=0.3))
    add(database, NOW + timedelta(seconds=2))
    assert timers.tick() == pytest.approx(0.3)
    assert rings.names == []
    clock.advance(timedelta(seconds=0.3))
    timers.tick()
    assert rings.names == [ListName.EVENTS]
    assert timers.tick() == LONGEST_REST_S
    clock.advance(timedelta(seconds=1.5))
    assert timers.tick() == pytest.approx(0.2)
    clock.advance(timedelta(seconds=0.2))
    timers.tick()
    assert rings.names == [ListName.EVENTS] * 2


def test_one_process_leads_and_another_takes_over_when_its_lease_ends(
    database: Database, clock: ManualClock, new_timers: Callable[..., tuple[Timers, Rings]]
) -> None:
    (first, rings_of_first), (second, rings_of_second) = new_timers("a"), new_timers("b")
    for timers in (first, second):
        timers.tick()
    add(database, NOW + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    for timers in (second, first):
        timers.tick()
    assert (len(rings_of_first.names), len(rings_of_second.names)) == (1, 0)
    # The first one dies here: it never ticks again.
    clock.advance(LEASE)
    second.tick()
    add(database, clock.now() + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    second.tick()
    assert len(rings_of_second.names) == 1


def test_a_leader_that_lives_keeps_the_lease(
    clock: ManualClock, new_timers: Callable[..., tuple[Timers, Rings]], database: Database
) -> None:
    (first, _), (second, rings_of_second) = new_timers("a"), new_timers("b")
    for _ in range(30):
        first.tick()
        second.tick()
        add(database, clock.now() + timedelta(seconds=1))
        clock.advance(timedelta(seconds=1))
    assert rings_of_second.names == []


def test_who_stops_hands_over_at_once(
    clock: ManualClock, new_timers: Callable[..., tuple[Timers, Rings]], database: Database
) -> None:
    (first, _), (second, rings) = new_timers("a"), new_timers("b")
    first.start()
    eventually(lambda: first._renew_at)
    first.stop(5)
    second.tick()
    add(database, NOW + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    second.tick()
    assert rings.names == [ListName.EVENTS]


def test_periodic_jobs_run_at_their_pace_and_only_at_the_leader(
    clock: ManualClock, new_timers: Callable[..., tuple[Timers, Rings]]
) -> None:
    runs: list[tuple[str, datetime]] = []

    def job(holder: str) -> PeriodicJob:
        return PeriodicJob("job", timedelta(seconds=3), lambda now: runs.append((holder, now)))

    (first, _), (second, _) = new_timers("a", job("a")), new_timers("b", job("b"))
    for _ in range(7):
        first.tick()
        second.tick()
        clock.advance(timedelta(seconds=1))
    assert runs == [("a", NOW + timedelta(seconds=s)) for s in (0, 3, 6)]


def test_what_a_job_measured_is_taken_back_once_another_process_has_the_timers(
    database: Database, clock: ManualClock
) -> None:
    said: list[str] = []

    def timers(holder: str) -> Timers:
        job = PeriodicJob(
            "measure",
            timedelta(minutes=1),
            lambda _: said.append(f"{holder} measures"),
            leave=lambda: said.append(f"{holder} leaves"),
        )
        return Timers(
            database,
            clock,
            name="timers",
            holder=holder,
            lists=[],
            jobs=[job],
            ring=lambda _: None,
        )

    first, second = timers("one"), timers("other")
    first.tick()
    second.tick()
    clock.advance(LEASE + timedelta(seconds=1))
    second.tick()
    first.tick()
    first.tick()
    assert said == ["one measures", "other measures", "one leaves"]
