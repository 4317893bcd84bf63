"""SQLite on a disk that is full: whoever asks is told to come again, and nothing is half stored."""

import threading
from pathlib import Path

import pytest

from tests.faults.conftest import Note
from tests.faults.load import Run, Strike
from tests.faults.modes import standalone
from tests.faults.proof import prove

TICKETS = 150
#: The limit of files' sizes stands for the disk: the write-ahead log reaches it at once.
FULL_AT_BYTES = 32_768
FULL_FOR_S = 1.5

pytestmark = pytest.mark.xdist_group("faults-others")


def test_a_full_disk_costs_time_and_nothing_else(
    tmp_path: Path, rounds: int, seed: int, note: Note
) -> None:
    with standalone(tmp_path).open() as desk:
        run, serve = Run(desk, seed), desk.processes["serve"]

        def make_room() -> None:
            threading.Event().wait(FULL_FOR_S)
            serve.limit_files(-1)

        for _ in range(rounds):
            run.post(TICKETS, [Strike(lambda: serve.limit_files(FULL_AT_BYTES), make_room)])
        assert run.tries > len(run.accepted), "the disk was never full"
        prove(run, note, ("disk full, SQLite", rounds))
