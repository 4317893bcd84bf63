"""`patchbay demo` as somebody runs it who has just installed Patchbay."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.modes import Mode
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 100


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the demo; what it leaves behind is below `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "services.cli", "demo", "--json", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def demo(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, *arguments)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, output, errors


def require_nothing_lost(result: tuple[int, str, str], tickets: int) -> None:
    status, output, errors = result
    assert status == 0, errors
    summary: dict[str, Any] = json.loads(output)
    assert summary["lost"] == 0
    assert summary["accepted"] == tickets == summary["assigned"] + summary["waiting"]
    assert summary["resolved"] == summary["assigned"]
    assert summary["webhooks_delivered"] == summary["webhooks_expected"] == summary["events"]
    assert summary["events"] >= 3 * tickets
    assert summary["emails"] >= 3 * summary["assigned"]


def test_nothing_is_lost_embedded(tmp_path: Path) -> None:
    require_nothing_lost(demo(tmp_path, "--tickets", "60", "--keep"), 60)
    (folder,) = tmp_path.iterdir()
    assert {"patchbay.db", "patchbay.log", "outbox"} <= {each.name for each in folder.iterdir()}


def test_nothing_is_lost_on_postgresql_and_rabbitmq(tmp_path: Path, distributed: Mode) -> None:
    servers = ["--database-url", distributed.database_url, "--broker-url", distributed.broker_url]
    require_nothing_lost(demo(tmp_path, "--tickets", "60", *servers), 60)
    assert list(tmp_path.iterdir()) == []
    status, output, errors = demo(tmp_path, *servers)
    assert (status, output) == (1, "")
    assert "needs an empty database; this one already has 60 tickets" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "--tickets", "5000")

    def sends_mail() -> bool:
        assert process.poll() is None, process.communicate()
        return any(tmp_path.glob("*/outbox/*.eml"))

    eventually(sends_mail, TIMEOUT_S)
    process.send_signal(number)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output) == (130, "")
    assert errors.splitlines()[-1] == "Interrupted; everything is stopped."
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
    assert not processes_below(tmp_path)


def test_a_broker_needs_a_database_that_many_can_share(tmp_path: Path) -> None:
    status, _, errors = demo(tmp_path, "--broker-url", "amqp://127.0.0.1")
    assert status == 2
    assert "--broker-url needs --database-url" in errors


def processes_below(folder: Path) -> list[str]:
    """Return the processes whose settings point below the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"PATCHBAY_DATA_DIR={folder}/".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found
