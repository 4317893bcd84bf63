"""A suite that finds nothing must be able to find something: bugs are planted, and caught.

And it must find nothing where there is nothing: the same run without a bug is clean.
"""

import random
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from services.chaos.checker import Rule, violations
from services.chaos.errors import ChaosError
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.load import Run
from tests.faults.modes import standalone
from tests.faults.planted import BUGS, HARMLESS

TICKETS, RESOLVED, AGENTS, CAPACITY = 80, 10, 4, 6
#: What is not at rest after this is not coming to rest.
PATIENCE_S = 8.0
#: Without a bug it does come to rest, if only after some retries of one ticket's events.
CLEAN_PATIENCE_S = 60.0
#: How many are planted in the short form, others with each seed.
SHORT = 2

pytestmark = [pytest.mark.xdist_group("faults-others"), pytest.mark.timeout(300)]


def test_planted_bugs_are_caught(tmp_path: Path, rounds: int, seed: int, note: Note) -> None:
    chosen = sorted(BUGS) if rounds > 1 else random.Random(seed).sample(sorted(BUGS), SHORT)
    caught: dict[str, set[str]] = {}
    for name in chosen:
        folder = tmp_path / name
        folder.mkdir()
        broken, _ = broken_rules(folder, seed, {"FAULTS_PLANT": name})
        caught[name] = {rule.value for rule in broken & BUGS[name][1]}
        note(f"{name}: {', '.join(sorted(rule.name for rule in broken)) or 'not caught'}")
    assert all(caught.values()), caught


@pytest.mark.parametrize("harmless", ["", *HARMLESS])
def test_the_same_run_without_a_bug_is_clean(
    tmp_path: Path, rounds: int, seed: int, harmless: str
) -> None:
    if rounds == 1:
        pytest.skip("it takes as long as a bug: only in the long form")
    settings = {"FAULTS_PLANT": harmless}
    assert broken_rules(tmp_path, seed, settings, CLEAN_PATIENCE_S) == (set(), Counter())


def broken_rules(
    folder: Path, seed: int, settings: Mapping[str, str], patience_s: float = PATIENCE_S
) -> tuple[set[Rule], Counter[str]]:
    """Run a desk with these settings; return which rules it broke, and the errors of its log."""
    with standalone(folder, settings).open(AGENTS, CAPACITY) as desk:
        run = Run(desk, seed)
        # Of some bugs the client notices something by itself; here the checker has to.
        with suppress(AssertionError, ChaosError):
            run.post(TICKETS)
        wait_until(lambda: not desk.left(), patience_s)
        # Now tickets wait, and all agents have what they can have: some get room again.
        with suppress(AssertionError, ChaosError):
            run.resolve(RESOLVED)
        wait_until(lambda: not desk.left(), patience_s)
        broken = {violation.rule for violation in violations(desk.facts(), run.witness)}
        return broken, desk.crashes()
