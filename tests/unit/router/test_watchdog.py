"""The watchdog: code that takes too long is interrupted, and nothing else ever is."""

import threading
from collections.abc import Callable
from time import monotonic

import pytest

from services.router.watchdog import TooSlow, Watchdog


def busy(seconds: float) -> None:
    end = monotonic() + seconds
    while monotonic() < end:
        pass


def for_ever() -> None:
    while True:
        pass


def stubborn() -> None:
    """Keeps whatever is raised in it for a second."""
    end = monotonic() + 1
    while monotonic() < end:
        try:
            for_ever()
        except BaseException:  # noqa: BLE001
            continue


def test_an_endless_loop_ends_soon_after_its_limit() -> None:
    started = monotonic()
    with pytest.raises(TooSlow, match=r"took longer than 0.1 s in one batch"):
        Watchdog(0.1).run("scorer x", for_ever)
    assert 0.1 <= monotonic() - started < 5


def test_many_calls_share_the_limit_of_their_batch() -> None:
    watchdog = Watchdog(0.1)
    calls: list[None] = []
    with pytest.raises(TooSlow):
        calls.extend(watchdog.run("scorer x", lambda: busy(0.005)) for _ in range(1000))
    assert len(calls) < 25
    with pytest.raises(TooSlow):
        watchdog.run("scorer x", lambda: None)
    assert watchdog.run("scorer y", lambda: 7) == 7, "each plugin has its own time"
    watchdog.begin()
    assert watchdog.run("scorer x", lambda: 8) == 8, "a new batch begins anew"


def test_an_interrupt_that_is_swallowed_comes_again_and_does_not_help() -> None:
    with pytest.raises(TooSlow):
        Watchdog(0.05).run("filter x", stubborn)


def test_after_an_interrupt_the_thread_is_left_alone() -> None:
    watchdog = Watchdog(0.02)
    for number in range(10):
        watchdog.begin()
        with pytest.raises(TooSlow):
            watchdog.run(f"filter {number}", for_ever)
        busy(0.03)
    assert not watchdog._deadlines
    assert not watchdog._hit


def test_calls_that_end_about_when_they_are_interrupted_never_interrupt_what_follows() -> None:
    watchdog = Watchdog(0.004)
    late = 0
    for number in range(300):
        watchdog.begin()
        try:
            watchdog.run("scorer x", lambda: busy(0.0035 + (number % 10) * 0.0002))  # noqa: B023
        except TooSlow:
            late += 1
        assert not watchdog._deadlines
    assert late > 0


def test_a_plugin_is_not_charged_for_another_one_that_it_asks() -> None:
    watchdog = Watchdog(0.2)

    def asks() -> str:
        with pytest.raises(TooSlow):
            watchdog.run("scorer slow", for_ever)
        busy(0.1)
        return "done"

    assert watchdog.run("matcher asking", asks) == "done"


def test_who_asks_another_plugin_is_still_watched() -> None:
    watchdog = Watchdog(0.1)

    def asks() -> None:
        watchdog.run("scorer fast", lambda: None)
        for_ever()

    with pytest.raises(TooSlow):
        watchdog.run("matcher asking", asks)


def test_each_thread_has_its_own_time() -> None:
    watchdog = Watchdog(0.2)
    results: list[object] = []

    def work(call: Callable[[], object]) -> None:
        try:
            results.append(watchdog.run("scorer x", call))
        except TooSlow:
            results.append("too slow")

    threads = [threading.Thread(target=work, args=(for_ever,)) for _ in range(2)]
    threads += [threading.Thread(target=work, args=(lambda: "fine",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(map(str, results)) == ["fine"] * 4 + ["too slow"] * 2


def test_it_rests_and_wakes_again() -> None:
    watchdog = Watchdog(0.02)
    watchdog.run("scorer x", lambda: None)
    busy(0.05)
    assert watchdog._resting
    with pytest.raises(TooSlow):
        watchdog.run("scorer x", for_ever)
