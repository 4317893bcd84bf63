"""One list in one process: rings merge into runs, and none is ever lost."""

import threading
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.messaging.list_runner import ListRunner
from tests.waiting import DEADLINE_S, eventually, in_threads

FULL = 10


def runner(
    handle: Callable[[], int], rings: list[ListName] | None = None, width: int = 1
) -> ListRunner:
    ring = (rings if rings is not None else []).append
    return ListRunner(ListName.ROUTING, handle, full_batch=FULL, ring=ring, width=width)


class Work:
    """A list of work whose handler takes up to a full batch."""

    def __init__(self) -> None:
        self.pending = 0
        self.done = 0
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        with self._lock:
            self.pending += 1

    def handle(self) -> int:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            taken = min(self.pending, FULL)
            self.pending -= taken
        with self._lock:
            self.done += taken
            self.at_once -= 1
        return taken


@pytest.mark.parametrize("width", [1, 2])
def test_no_ring_is_lost_however_many_come_at_once(width: int) -> None:
    work = Work()
    run = runner(work.handle, width=width)

    def hammer(_: int) -> None:
        for _ in range(300):
            work.add()
            run()

    in_threads(12, hammer)
    assert (work.pending, work.done) == (0, 3600)
    assert work.most_at_once <= width


class Blocking:
    """A handler that stops at a gate the first time."""

    def __init__(self) -> None:
        self.runs = 0
        self.entered, self.released = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.runs += 1
        if self.runs == 1:
            self.entered.set()
            assert self.released.wait(DEADLINE_S)
        return 0


def test_rings_during_a_run_become_one_more_run() -> None:
    handle = Blocking()
    run = runner(handle)
    first = threading.Thread(target=run)
    first.start()
    assert handle.entered.wait(DEADLINE_S)
    assert [run() for _ in range(50)] == [0] * 50
    handle.released.set()
    first.join()
    assert handle.runs == 2


def test_a_full_batch_is_followed_by_another_and_rings_for_others() -> None:
    batches = [FULL, FULL, 3]
    rings: list[ListName] = []
    run = runner(lambda: batches.pop(0), rings)
    assert run() == 2 * FULL + 3
    assert rings == [ListName.ROUTING] * 2


def test_an_empty_list_costs_one_look() -> None:
    looks: list[int] = []
    run = runner(lambda: len(looks) * 0 if looks.append(1) is None else 0)
    run()
    assert len(looks) == 1


@pytest.mark.parametrize("error", [Unavailable("gone"), RuntimeError("broken")])
def test_a_handler_that_fails_never_raises_and_the_next_ring_runs_it_again(
    error: Exception,
) -> None:
    runs: list[int] = []

    def handle() -> int:
        runs.append(1)
        if len(runs) == 1:
            raise error
        return 4

    run = runner(handle)
    assert run() == 0
    assert run() == 4


def test_stopping_waits_for_what_is_under_way_and_begins_nothing_more() -> None:
    handle = Blocking()
    run = runner(handle)
    first = threading.Thread(target=run)
    first.start()
    assert handle.entered.wait(DEADLINE_S)
    assert run.stop(0.05) is False
    handle.released.set()
    eventually(lambda: run.stop(1))
    first.join()
    run()
    assert handle.runs == 1


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"list": "routing", **labels}) or 0.0


def measured(run: Callable[[], int]) -> dict[str, float]:
    """What one run adds to the metrics of its list."""
    names: dict[str, dict[str, str]] = {
        "patchbay_doorbells_total": {"outcome": "empty"},
        "patchbay_batch_rows_sum": {},
        "patchbay_batch_seconds_count": {},
        "patchbay_batches_failed_total": {"reason": "error"},
    }
    before = {name: counted(name, **labels) for name, labels in names.items()}
    run()
    after = {name: counted(name, **labels) for name, labels in names.items()}
    return {name: after[name] - before[name] for name in names if after[name] != before[name]}


def test_what_a_run_found_is_measured_and_a_run_that_found_nothing_is_an_empty_doorbell() -> None:
    def fail() -> int:
        raise ValueError

    found = {"patchbay_batch_rows_sum": 3, "patchbay_batch_seconds_count": 1}
    assert measured(runner(lambda: 3)) == found
    assert measured(runner(lambda: 0)) == {"patchbay_doorbells_total": 1}
    assert measured(runner(fail)) == {"patchbay_batches_failed_total": 1}


def test_a_handler_that_only_wakes_somebody_is_not_measured() -> None:
    ring: Callable[[ListName], None] = [].append
    wake = ListRunner(ListName.ROUTING, lambda: 0, full_batch=1, ring=ring, measured=False)
    assert measured(wake) == {}
