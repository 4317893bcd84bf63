"""Bulk work makes room while live tickets come in."""

import threading
from itertools import count
from time import perf_counter

from services.intake.api.catalogue import CATALOGUE
from services.intake.bulk.line import STATUSES
from services.intake.bulk.pacing import LONGEST_REST_S, Pacing

WORK_S = 0.1


class Live:
    """Counts live commits, as the committer of a process does."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        return self.count


def busy(seconds: float = WORK_S) -> int:
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass
    return 1


def test_without_live_tickets_there_is_no_rest() -> None:
    pacing = Pacing(Live())
    started = perf_counter()
    assert sum(pacing(busy) for _ in range(3)) == 3
    assert perf_counter() - started < 3 * WORK_S + WORK_S


def test_with_live_tickets_the_rest_is_as_long_as_the_work() -> None:
    live = Live()
    pacing = Pacing(live)

    def work() -> int:
        live.count += 1
        return busy()

    started = perf_counter()
    pacing(work)
    assert perf_counter() - started >= 2 * WORK_S


def test_with_live_tickets_one_works_at_a_time() -> None:
    # At each look there were some more.
    pacing = Pacing(count().__next__)
    under_way, most = 0, 0
    lock = threading.Lock()

    def work() -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        busy(0.02)
        with lock:
            under_way -= 1
        return 1

    threads = [threading.Thread(target=pacing, args=(work,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_when_there_was_nothing_to_do_there_is_no_rest() -> None:
    live = Live()
    pacing = Pacing(live)

    def nothing() -> int:
        live.count += 1
        busy(0.01)
        return 0

    started = perf_counter()
    for _ in range(5):
        pacing(nothing)
    assert perf_counter() - started < LONGEST_REST_S


def test_lines_are_refused_with_the_statuses_of_the_catalogue() -> None:
    assert {code: CATALOGUE[code].status for code in STATUSES} == STATUSES
