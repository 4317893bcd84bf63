"""The units: systemd takes them, they are closed, and their commands really start and end."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import click
import pytest

from deploy.local.errors import PackagesMissing
from deploy.local.packages import ensure_systemd
from deploy.systemd.make_units import FOLDER, MARGIN_S, SHUTDOWN_S, UNITS, rendered
from services.cli.main import COMMANDS, cli
from shared.ports import choose_port
from tests.deploy.documents import ROOT
from tests.deploy.environments import settings_from, unknown
from tests.waiting import eventually

ENVIRONMENT = FOLDER / "patchbay.env.example"
#: systemd-analyze(1): from 0, closed, to 10, open. What is left is the network and its own account.
WORST_EXPOSURE = 1.5

#: One worker, so that two do not install the same package.
pytestmark = pytest.mark.xdist_group("systemd")


@pytest.fixture(scope="module")
def systemd():
    """The program systemd-analyze. Skips where it cannot be had; fails instead in CI."""
    try:
        ensure_systemd()
    except PackagesMissing as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("name", rendered())
def test_the_units_are_what_they_are_made_from(name):
    assert (FOLDER / name).read_text() == rendered()[name]


def test_systemd_takes_every_unit(systemd, tmp_path):
    # It looks for the program, too, which is in no place where a test may put it.
    found = shutil.which("true")
    for name, text in rendered().items():
        (tmp_path / name).write_text(text.replace("/opt/patchbay/bin/patchbay", found))

    done = analyze("verify", "--man=no", *(str(tmp_path / name) for name in rendered()))

    assert (done.returncode, done.stderr) == (0, "")


def test_a_directive_that_systemd_has_not_would_be_found(systemd, tmp_path):
    unit = tmp_path / "wrong.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nProtectSystems=strict\n")

    assert "ProtectSystems" in analyze("verify", "--man=no", str(unit)).stderr


def test_little_is_left_open(systemd):
    paths = [str(FOLDER / name) for name in rendered()]

    done = analyze("security", "--offline=true", "--no-pager", *paths)
    levels = re.findall(r"exposure level for (\S+): ([\d.]+)", done.stdout)

    assert len(levels) == len(UNITS)
    assert {name for name, level in levels if float(level) > WORST_EXPOSURE} == set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_that_patchbay_has(unit):
    program, name, *options = command(unit)

    assert program == "/opt/patchbay/bin/patchbay"
    assert name in COMMANDS
    cli.get_command(click.Context(cli), name).make_context(name, options)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_a_unit_sets_is_a_setting(unit):
    own = dict(word.split("=", 1) for line in values(unit, "Environment") for word in line.split())

    assert unknown(own) == []
    assert "PATCHBAY_DATA_DIR" in own
    assert values(unit, "EnvironmentFile") == ["/etc/patchbay/patchbay.env"]


def test_the_example_of_settings_is_taken_in_both_modes(clean_environment):
    embedded = settings_from(example())
    distributed = settings_from(example(distributed=True))

    assert embedded.database_url.startswith("sqlite:////var/lib/patchbay/")
    assert distributed.broker_url.startswith("amqp://")
    assert embedded.email_from == "Support <support@help.example.com>"
    assert embedded.shutdown_timeout_s == SHUTDOWN_S
    for path in (embedded.storage_url, embedded.email_url):
        assert path.startswith("file:/var/lib/patchbay/")


def test_a_unit_gives_its_process_the_time_that_it_takes_to_end():
    for unit in UNITS:
        if not unit.oneshot:
            assert values(unit, "TimeoutStopSec") == [str(SHUTDOWN_S + MARGIN_S)]
            assert values(unit, "Restart") == ["always"]


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_the_commands_of_the_services_start_and_end_in_order(settings, tmp_path):
    place = Place(tmp_path, example(distributed=True))
    place.change(
        PATCHBAY_DATABASE_URL=settings.database_url, PATCHBAY_BROKER_URL=settings.broker_url
    )
    for unit in UNITS:
        if unit.oneshot:
            assert place.start(unit).wait(60) == 0
    services = [unit for unit in UNITS if not unit.oneshot and not unit.standalone]

    running = [(place.start(unit), place.ready_url(unit)) for unit in services]
    try:
        for process, url in running:
            assert eventually(lambda url=url, p=process: p.poll() is not None or answers(url))
            assert process.poll() is None
    finally:
        for process, _ in running:
            process.terminate()
        ended = [process.wait(SHUTDOWN_S + MARGIN_S) for process, _ in running]
    assert ended == [0, 0, 0]


def test_the_command_of_the_standalone_unit_makes_its_desk_and_ends_in_order(tmp_path):
    place = Place(tmp_path, example())
    (unit,) = (unit for unit in UNITS if unit.standalone)

    process = place.start(unit)
    try:
        url = place.ready_url(unit)
        assert eventually(lambda: process.poll() is not None or answers(url))
    finally:
        process.terminate()
        status = process.wait(SHUTDOWN_S + MARGIN_S)

    assert status == 0
    assert {"admin.key", "patchbay.db"} <= {path.name for path in place.state.iterdir()}


class Place:
    """Where units would run: the folder of their state, and their file of settings."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        self.port = choose_port()
        self.ports = {unit.name: choose_port() for unit in UNITS if unit.template}
        self.environment = {**environment, "PATCHBAY_PORT": str(self.port)}

    def change(self, **values: str) -> None:
        self.environment |= values

    def start(self, unit) -> subprocess.Popen[bytes]:
        """Start ExecStart with what Environment and EnvironmentFile give, and nothing else."""
        own = dict(
            word.split("=", 1) for line in values(unit, "Environment") for word in line.split()
        )
        given = {"PATH": os.environ["PATH"], **own, **self.environment}
        moved = {k: v.replace("/var/lib/patchbay", str(self.state)) for k, v in given.items()}
        _, *arguments = command(unit)
        if unit.template:
            arguments[-1] = str(self.ports[unit.name])
        program = [sys.executable, "-m", "services.cli"]
        moved |= {"PYTHONPATH": str(ROOT)}
        with (self.state / f"{unit.name}.log").open("wb") as log:
            return subprocess.Popen(
                [*program, *arguments], cwd=self.state, env=moved, stdout=log, stderr=log
            )

    def ready_url(self, unit) -> str:
        return f"http://127.0.0.1:{self.ports.get(unit.name, self.port)}/readyz"


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def example(*, distributed: bool = False) -> dict[str, str]:
    """The example file as systemd reads it, with the comments of one mode taken off."""
    text = ENVIRONMENT.read_text()
    if distributed:
        text = text.replace("\nPATCHBAY_DATABASE_URL=", "\n#").replace(
            "\n#PATCHBAY_", "\nPATCHBAY_"
        )
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: shlex.split(value)[0] for name, _, value in (x.partition("=") for x in lines)}


def values(unit, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", rendered()[f"{unit.name}.service"], re.MULTILINE)


def command(unit) -> list[str]:
    (line,) = values(unit, "ExecStart")
    return line.replace("%i", "1").split()


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
