"""The soak's verdict: what counts as flat, and what does not."""

import random

import pytest

from tests.bench.soak.steadiness import Sample, judge, per_ticket, slope

MINUTES_30 = [5.0 * n for n in range(360)]


def flat(name: str, values: list[float]) -> bool:
    samples: list[Sample] = [
        (at, {name: value}) for at, value in zip(MINUTES_30, values, strict=True)
    ]
    (verdict,) = judge(samples)
    return verdict.flat


def test_a_level_with_noise_is_flat() -> None:
    lots = random.Random(1)
    assert flat("memory_mb/intake", [200 + lots.gauss(0, 5) for _ in MINUTES_30])


def test_memory_that_fills_up_in_the_first_half_and_stays_is_flat() -> None:
    assert flat("memory_mb/router", [min(120.0, 80 + at / 10) for at in MINUTES_30])


def test_a_leak_is_not_flat() -> None:
    # A MiB a minute: 15 MiB in the second half, where 4 % of 130 are allowed.
    assert not flat("memory_mb/notifier", [100 + at / 60 for at in MINUTES_30])


def test_a_leak_below_noise_is_seen_all_the_same() -> None:
    lots = random.Random(2)
    assert not flat("memory_mb/intake", [100 + at / 60 + lots.gauss(0, 8) for at in MINUTES_30])


def test_outliers_do_not_make_a_leak() -> None:
    assert flat("memory_mb/intake", [500.0 if n % 9 == 0 else 100.0 for n in range(360)])


def test_one_more_open_file_a_minute_is_not_flat() -> None:
    assert not flat("files/intake", [40.0 + at // 60 for at in MINUTES_30])


def test_what_falls_is_flat() -> None:
    assert flat("threads/intake", [100.0 - n / 10 for n in range(360)])


def test_a_list_whose_oldest_row_grows_older_is_not_flat() -> None:
    assert not flat("oldest_s/routing", [at / 100 for at in MINUTES_30])
    assert flat("oldest_s/routing", [0.3 * (n % 2) for n in range(360)])


def test_dead_rows_may_saw_but_not_pile_up() -> None:
    def verdict(dead: list[float]) -> bool:
        samples: list[Sample] = [
            (at, {"dead_rows/event_outbox": value, "vacuum_due/event_outbox": 52.0})
            for at, value in zip(MINUTES_30, dead, strict=True)
        ]
        (found,) = judge(samples)
        return found.flat

    assert verdict([100.0 * (n % 12) for n in range(360)])
    assert not verdict([20.0 * n for n in range(360)])


def test_dead_rows_of_a_short_run_are_not_judged() -> None:
    assert judge([(5.0 * n, {"dead_rows/agents": 1000.0 * n}) for n in range(60)]) == []


def test_a_table_that_is_not_to_grow_may_not_grow_in_bytes_either() -> None:
    mib = 2.0**20
    assert flat("bytes/event_outbox", [8 * mib + mib * (n % 3) for n in range(360)])
    assert not flat("bytes/event_outbox", [8 * mib + n * mib / 10 for n in range(360)])


def test_what_has_no_tolerance_is_not_judged() -> None:
    assert judge([(float(n), {"bytes/tickets": 1000.0 * n}) for n in range(10)]) == []


def test_three_samples_are_no_curve() -> None:
    with pytest.raises(ValueError, match="four samples"):
        judge([(0.0, {}), (5.0, {}), (10.0, {})])


def test_the_slope_of_a_line_is_its_slope() -> None:
    assert slope([(float(n), 3.0 * n + 1) for n in range(1000)]) == pytest.approx(3.0)
    assert slope([(1.0, 5.0)]) == 0.0


def test_a_table_that_grows_with_tickets_is_told_by_the_ticket() -> None:
    sizes = [(float(n), 8192.0 + 2500 * n) for n in range(11)]
    tickets = [(float(n), 5.0 * n) for n in range(11)]
    assert per_ticket(sizes, tickets) == pytest.approx(500.0)
    assert per_ticket(sizes, [(at, 7.0) for at, _ in tickets]) is None
