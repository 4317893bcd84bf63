"""Whatever dies, stands still, is slow or cut off in the middle of a run, nothing is lost by it.

The short form lets a few nemeses strike, others with each seed; the long form all of them, each so
many times in a run of its own.
"""

import random
from time import monotonic

import pytest

from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.evidence import Stage
from tests.faults.load import Run
from tests.faults.nemeses import NEMESES
from tests.faults.proof import REST_DEADLINE_S, prove

TICKETS = 120
#: What always strikes in the short form, and how many others. Processes are killed at every
#: failpoint there, too.
ALWAYS, OTHERS = ("RabbitMQ wiped", "PostgreSQL killed"), 5

pytestmark = pytest.mark.xdist_group("faults-kills")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let nemeses come one after the other in one run; in the long form also each by itself."""
    if "names" in metafunc.fixturenames:
        if metafunc.config.getoption("--rounds", 1) > 1:
            metafunc.parametrize("names", [(name,) for name in NEMESES], ids=" ".join)
        else:
            metafunc.parametrize("names", [()], ids=["some"])


def test_nothing_is_lost_and_nothing_done_twice(
    stage: Stage, names: tuple[str, ...], rounds: int, seed: int, note: Note
) -> None:
    run = Run(stage.desk, seed)
    others = sorted(NEMESES.keys() - set(ALWAYS))
    chosen = names or (*ALWAYS, *random.Random(seed).sample(others, OTHERS))
    stage.servers.rabbitmq.flush_definitions()
    for name in chosen:
        for _ in range(rounds):
            # A network whose clients are still away from the strike before would be struck in vain.
            run.post_until_doorbells()
            nemesis, before = NEMESES[name], monotonic()
            struck = nemesis.evidence(stage)
            run.post(TICKETS, [nemesis.strike(stage)])
            posted = monotonic()
            assert struck(), f"{name}: nothing of it was seen"
            if names:
                assert wait_until(lambda: not stage.desk.left(), REST_DEADLINE_S), stage.desk.left()
                run.longest_rest_s = max(run.longest_rest_s, monotonic() - posted)
            note(
                f"{name}: {TICKETS} tickets in {posted - before:.1f} s, "
                f"at rest {monotonic() - posted:.1f} s later"
            )
    note(f"doorbells heard {run.post_until_doorbells():.1f} s after the last")
    prove(run, note, *((name, rounds) for name in chosen))
