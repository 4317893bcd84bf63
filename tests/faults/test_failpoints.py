"""Every named moment between two durable steps: a process dies there, and nothing is lost by it.

All points are armed in every process, each for so many strikes in all. Whoever passes one first
dies there; what died is started again, as a process manager would, until every point has struck.
Those of `patchbay verify --repair` strike one by one, for it is a command, on a desk at work.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from services.chaos.client import Client
from shared.db.engine import Database
from shared.domain.attachment import ScanState
from shared.failpoints import POINTS, strikes
from shared.waiting import wait_until
from tests.clamd import Scanner
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.digests import ask_for_digests, hours_passing, prove_told_once
from tests.faults.load import Run
from tests.faults.mail_server import MailServer
from tests.faults.modes import standalone
from tests.faults.proof import prove
from tests.faults.repairs import Repairs
from tests.faults.scans import prove_scanned
from tests.faults.traffic import traffic

pytestmark = pytest.mark.xdist_group("faults-failpoints")

#: Up to so many passes of a process go by before it dies at the next.
MOST_PASSED_BY = 3
PATIENCE_S = 120.0
INTERVAL_S = 0.1
#: A batch fails only where something fails it.
ALONE = ("batch.failed",)
#: What no service passes, but a command.
REPAIR = ("repair.made", "repair.committed")


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def scanner() -> Iterator[Scanner]:
    with closing(Scanner()) as scanner:
        yield scanner


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Strike at processes of their own; in the long form also where all is one process."""
    if "mode" in metafunc.fixturenames:
        long = metafunc.config.getoption("--rounds", 1) > 1
        metafunc.parametrize("mode", ["distributed", "standalone"] if long else ["distributed"])


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    mode: str,
    tmp_path: Path,
    mail_server: MailServer,
    scanner: Scanner,
) -> Iterator[Desk]:
    """A desk with everything in it that passes a failpoint."""
    settings = {
        "PATCHBAY_EMAIL_URL": mail_server.url,
        "PATCHBAY_CLAMD_URL": scanner.url,
        "PATCHBAY_AUTO_CLOSE_AFTER_S": "2",
        "PATCHBAY_STORAGE_URL": f"file:{tmp_path}/attachments",
    }
    if mode == "standalone":
        made = standalone(tmp_path, settings)
    else:
        build: Callable[..., Desk] = request.getfixturevalue("build_desk")
        made = build(settings)
    with made.open() as opened:
        with closing(opened.client()) as client:
            furnish(client)
            ask_for_digests(client)
        yield opened


@pytest.fixture
def database(desk: Desk) -> Iterator[Database]:
    """The database of the desk, by connections of our own."""
    with closing(Database(desk.database_url)) as database:
        yield database


def test_killed_at_every_failpoint_nothing_is_lost(
    desk: Desk,
    database: Database,
    mail_server: MailServer,
    mode: str,
    tmp_path: Path,
    rounds: int,
    seed: int,
    note: Note,
) -> None:
    run, rng = Run(desk, seed), random.Random(seed)
    points = [name for name in POINTS if name not in ALONE + REPAIR]
    everything = {
        name: f"kill,after {_passed_by(name, rng)},times {rounds}"
        for name in rng.sample(points, len(points))
    }
    failing = {"router.bound": f"raise,times {rounds}", "batch.failed": f"kill,times {rounds}"}
    repairs = Repairs(desk, database, tmp_path, rng)
    with hours_passing(desk):
        with traffic(run), run.going_on(INTERVAL_S):
            struck = strike(desk, everything, points, rounds, tmp_path / "strikes")
            struck |= strike(desk, failing, ALONE, rounds, tmp_path / "failing")
            desk.rearm({"PATCHBAY_FAILPOINTS": ""})
            desk.revive()
            for _ in range(rounds):
                repairs.round()
            struck |= repairs.struck()
        kills = sum(struck.values())
        note.struck(struck)
        note(f"{kills} kills at {len(struck)} of {len(POINTS)} failpoints")
        prove(run, note, (f"SIGKILL at a failpoint, {mode}", kills))
    verdicts, digests = prove_scanned(database), prove_told_once(database, mail_server.mails)
    repairs.prove()
    note(f"{verdicts.total()} files judged, {digests} digests came")
    assert verdicts.keys() == {ScanState.CLEAN, ScanState.INFECTED}
    assert digests
    assert not POINTS.keys() - struck.keys()


def strike(
    desk: Desk, actions: Mapping[str, str], points: Collection[str], times: int, log: Path
) -> Counter[str]:
    """Let processes die at points until each has struck so often; return how often they did."""
    armed = ";".join(f"{name}={action}" for name, action in actions.items())
    desk.rearm({"PATCHBAY_FAILPOINTS": armed, "PATCHBAY_FAILPOINTS_LOG": str(log)})

    seen = 0

    def all_struck() -> bool:
        nonlocal seen
        found = strikes(log)
        for name, pid in found[seen:]:
            if name in points:
                desk.bury(pid)
        seen = len(found)
        desk.revive()
        struck = Counter(name for name, _ in found)
        return all(struck[name] >= times for name in points)

    wait_until(all_struck, PATIENCE_S * times)
    return Counter(name for name, _ in strikes(log) if name in points)


def _passed_by(name: str, rng: random.Random) -> int:
    """Return how many passes go by; none of what time brings, which no process sees twice."""
    rare = name.startswith(("timers.", "housekeeping.", "sla.", "life.", "wake.", "digest."))
    return 0 if rare else rng.randrange(MOST_PASSED_BY)


def furnish(client: Client) -> None:
    """Let clocks warn at once, and tickets with a tag wait for nobody for a second."""
    targets = dict.fromkeys(("first_response", "next_response", "resolution"), "2m")
    policy = {
        "title": "Default",
        "warn_share": 0.01,
        "targets": dict.fromkeys(("critical", "high", "medium", "low"), targets),
    }
    assert client.ask("PUT", "/v1/sla-policies/default", policy).status == 200
    assert client.post("/v1/skills", {"name": "rare"}).status == 201
    rule = {
        "name": "rare",
        "when": '"rare" in ticket.tags',
        "then": {"required_skills": [{"skill": "rare", "level": 1, "drop_after": "1s"}]},
    }
    changed = client.ask("PUT", "/v1/routing/rules", {"rules": [rule]})
    assert changed.status == 200, changed.document
