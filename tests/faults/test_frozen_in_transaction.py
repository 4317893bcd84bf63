"""A process that stands still in the middle of a transaction, for as long as it takes."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from shared.db import stranded
from shared.db.dialects.base import LONGEST_SILENCE
from shared.failpoints import strikes
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.proof import prove

TICKETS, INTERVAL_S, PATIENCE_S = 20, 0.05, 30.0
#: Until its session is ended, the next look at sessions included, and what it held is done.
FREED_WITHIN = LONGEST_SILENCE + stranded.EVERY + timedelta(seconds=30)

pytestmark = pytest.mark.xdist_group("faults-others")


@pytest.fixture(autouse=True)
def only_in_the_long_form(rounds: int) -> None:
    if rounds == 1:
        pytest.skip("PostgreSQL lets a session stand still for a minute: only in the long form")


#: Between two trips PostgreSQL ends the session itself; within one, another process does.
@pytest.mark.parametrize(
    ("name", "strike"),
    [
        ("notifier", "fan_out.made=stop,times 1"),
        ("notifier", "database.writing=stop,after 12,times 1"),
    ],
)
def test_what_a_process_holds_that_stands_still_in_a_transaction_is_done_by_another(
    build_desk: Callable[..., Desk],
    name: str,
    strike: str,
    tmp_path: Path,
    seed: int,
    note: Note,
) -> None:
    log = tmp_path / "strikes"
    with build_desk().open() as desk:
        run, frozen = Run(desk, seed), desk.processes[name]
        run.post(TICKETS)
        armed = {"PATCHBAY_FAILPOINTS_LOG": str(log), "PATCHBAY_FAILPOINTS": strike}
        desk.rearm(armed, name)
        desk.end_leases(deliveries=name == "notifier")
        frozen.launch()
        with run.going_on(INTERVAL_S):
            assert wait_until(lambda: bool(strikes(log)), PATIENCE_S), "it did not come there"
            began = monotonic()
        frozen.settings["PATCHBAY_FAILPOINTS"] = ""
        with desk.second(name):
            within_s = FREED_WITHIN.total_seconds()
            assert wait_until(lambda: not desk.left(), within_s), desk.left()
            # Also where it held leases only, and was not waited for.
            assert wait_until(lambda: not desk.open_transactions(), within_s)
            note(f"{name}, {strike}: all done by another after {monotonic() - began:.0f} s")
            frozen.thaw()
            run.post(TICKETS)
            prove(run, note, ("frozen in a transaction until its session is ended", 1))
