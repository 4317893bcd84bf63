"""The page of the soak says what the curves did, and the exit status follows it."""

import json
from pathlib import Path
from typing import Any

from tests.bench.soak.page import passed, plots, render
from tests.bench.soak.run import by_curve
from tests.bench.soak.steadiness import Sample

ROOT = Path(__file__).parents[3]


def result(leak_mb_per_min: float = 0.0, **more: Any) -> dict[str, Any]:
    samples: list[Sample] = [
        (
            5.0 * n,
            {
                "memory_mb/intake": 200 + leak_mb_per_min * n / 12,
                "dead_rows/tickets": 10.0 * (n % 5),
                "vacuum_due/tickets": 50.0 + 20 * n,
                "bytes/tickets": 8192.0 + 150_000 * n,
                "oldest_s/routing": 0.1 * (n % 2),
                "tickets/made": 100.0 * n,
            },
        )
        for n in range(61)
    ]
    return {
        "at": "2026-01-02T03:04:05+00:00",
        "machine": {"cores": 2, "memory_gb": 24, "processor": "A processor", "kernel": "Linux"},
        "versions": {"Python": "3.11.7"},
        "maximum_per_s": 200.0,
        "rate_per_s": 100.0,
        "seconds": 300.0,
        "tickets": 30_000,
        "lost": [],
        "sound": True,
        "curves": by_curve(samples),
        **more,
    }


def page(found: dict[str, Any]) -> str:
    return render(found, plots(found), "images/")


def test_a_run_in_which_nothing_grows_passes() -> None:
    found = result()
    assert passed(found)
    assert "Lost: nothing. `patchbay verify`: sound. Verdict: nothing grows that should not." in (
        page(found)
    )
    assert "| tickets | 8.6 | 1,500 |" in page(found)


def test_a_leak_fails_and_is_named() -> None:
    found = result(leak_mb_per_min=10)
    assert not passed(found)
    assert "**not flat: memory_mb/intake**" in page(found)


def test_what_is_lost_fails() -> None:
    found = result(lost=["2 accepted and not stored"])
    assert not passed(found)
    assert "Lost: 2 accepted and not stored." in page(found)
    assert not passed(result(sound=False))


def test_a_soak_that_broke_off_fails_and_says_why() -> None:
    found = result(failure="the traffic broke off: 1")
    assert not passed(found)
    assert "it failed: the traffic broke off: 1" in page(found)
    early = result(failure="the desk does not answer", curves={"at": []})
    assert not passed(early)
    assert "it ended too early" in page(early)


def test_the_page_in_the_documentation_is_that_of_its_result() -> None:
    kept = json.loads((ROOT / "docs/soak.json").read_text())
    assert page(kept) == (ROOT / "docs/soak.md").read_text()
    for name in plots(kept):
        assert (ROOT / f"docs/images/soak-{name}.svg").exists()
