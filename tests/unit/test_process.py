"""What a process of ours does before its work begins."""

import resource
import subprocess
import sys

import pytest

from shared.process import MOST_FILES

#: Begins with a soft and a hard limit, and says which ones it has after `allow_files`.
_ASK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from shared.process import allow_files
allow_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""

#: Is hung up and told to end, and says which of that it heard.
_HUNG_UP = """
import os, signal, sys
from shared.process import on_ending
if sys.argv[1] == "ignored":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
heard = []
on_ending(lambda number, _: heard.append(signal.Signals(number).name))
for number in (signal.SIGHUP, signal.SIGTERM):
    os.kill(os.getpid(), number)
print(*heard)
"""


@pytest.mark.parametrize(
    ("soft", "hard", "allowed"),
    [(64, 500, 500), (500, 500, 500), (64, MOST_FILES + 5, MOST_FILES)],
    ids=["as far as the system lets it", "nothing to raise", "no further than it needs"],
)
def test_a_process_raises_its_limit_of_open_files(soft: int, hard: int, allowed: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        hard = min(hard, most)
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(soft), str(hard)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(min(allowed, hard)), str(hard)]


@pytest.mark.parametrize(
    ("hang_up", "heard"), [("obeyed", "SIGHUP SIGTERM"), ("ignored", "SIGTERM")]
)
def test_a_closed_terminal_ends_a_process_in_order_unless_nohup_says_otherwise(
    hang_up: str, heard: str
) -> None:
    command = [sys.executable, "-c", _HUNG_UP, hang_up]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == heard
