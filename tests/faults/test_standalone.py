"""All in one process on SQLite: SIGKILL costs what is on its way nothing but time."""

from pathlib import Path
from time import monotonic

import pytest

from tests.faults.conftest import Note
from tests.faults.load import Run, Strike
from tests.faults.modes import standalone
from tests.faults.proof import prove

TICKETS = 300

pytestmark = pytest.mark.xdist_group("faults-others")


def test_a_killed_standalone_desk_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, rounds: int, seed: int, note: Note
) -> None:
    with standalone(tmp_path).open() as desk:
        run = Run(desk, seed)

        def restart() -> None:
            began = monotonic()
            desk.restart("serve")
            note(f"ready again after {monotonic() - began:.1f} s")

        for _ in range(rounds):
            run.post(TICKETS, [Strike(desk.processes["serve"].kill, restart)])
        prove(run, note, ("killed, all in one process on SQLite", rounds))
