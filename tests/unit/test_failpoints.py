"""Failpoints: a language of a line, strikes that are counted, and a list that is the code's."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import failpoints
from shared.failpoints import POINTS, FailpointError, arm, check, failpoint, strikes

ROOT = Path(__file__).parents[2]
CALL = re.compile(r'\bfailpoint\("([^"]*)"\)')


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def passes(name: str, count: int) -> list[bool]:
    """Pass a point some times; tell which of them struck."""
    struck = []
    for _ in range(count):
        try:
            failpoint(name)
        except FailpointError:
            struck.append(True)
        else:
            struck.append(False)
    return struck


def test_nothing_happens_where_nothing_is_armed() -> None:
    assert not any(passes("router.bound", 3))


def test_a_point_strikes_after_some_passes_and_so_many_times() -> None:
    arm("router.bound=raise,after 2,times 1; fan_out.claimed=raise")
    assert passes("router.bound", 5) == [False, False, True, False, False]
    assert passes("fan_out.claimed", 2) == [True, True]
    assert passes("router.claimed", 1) == [False]


def test_a_share_strikes_at_the_same_passes_every_time() -> None:
    arm("router.bound=raise,share 0.5")
    first = passes("router.bound", 200)
    arm("router.bound=raise,share 0.5")
    assert passes("router.bound", 200) == first
    assert 60 < sum(first) < 140


def test_strikes_are_logged_and_counted_over_all_processes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("router.bound 1\nrouter.claimed 1\n")
    arm("router.bound=raise,times 2", str(log))
    assert passes("router.bound", 3) == [True, False, False]
    assert strikes(log) == [
        ("router.bound", 1),
        ("router.claimed", 1),
        ("router.bound", os.getpid()),
    ]


@pytest.mark.parametrize(("action", "number"), [("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)])
def test_a_process_is_killed_or_stopped_at_the_point(action: str, number: signal.Signals) -> None:
    code = (
        "from shared.failpoints import arm, failpoint\n"
        f"arm('doorbell.taken={action}')\nfailpoint('doorbell.taken')\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        if number is signal.SIGSTOP:
            state = Path(f"/proc/{process.pid}/stat")
            while state.read_text().rpartition(")")[2].split()[0] != "T":
                assert process.poll() is None
            process.send_signal(signal.SIGCONT)
            assert process.wait(10) == 0
        else:
            assert process.wait(10) == -number


def test_sleeping_ends() -> None:
    arm("doorbell.taken=sleep:0.01")
    failpoint("doorbell.taken")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere=kill", "there is no failpoint 'nowhere'"),
        ("router.bound", "begins with none of kill, stop, raise, sleep:SECONDS"),
        ("router.bound=explode", "'explode' begins with none of"),
        ("router.bound=sleep", "'' is no number"),
        ("router.bound=kill,often", "'often' is none of after N, share P, times N"),
        ("router.bound=kill,share 2", "2 is out of range"),
        ("router.bound=kill,times 0", "0 is out of range"),
        ("router.bound=kill,after x", "'x' is no number"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check(text)


def test_the_list_names_every_point_of_the_code_and_no_other() -> None:
    called: set[str] = set()
    for folder in ("services", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            if path != Path(failpoints.__file__):
                text = path.read_text()
                calls = CALL.findall(text)
                assert len(calls) == text.count("failpoint("), f"{path} has one without a name"
                called.update(calls)
    assert called == POINTS.keys()


def test_the_guide_lists_every_point_with_its_meaning() -> None:
    guide = (ROOT / "docs" / "faults.md").read_text()
    for name, meaning in POINTS.items():
        assert f"| `{name}` | {meaning} |" in guide
