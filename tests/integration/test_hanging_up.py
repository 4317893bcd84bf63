"""SIGHUP, as of a terminal that is closed, ends a process like SIGTERM: in order, with status 0."""

import signal

import psutil
import pytest

from shared.settings import Settings
from tests.processes import END_TIMEOUT_S, patchbay, serving
from tests.waiting import eventually

distributed = pytest.mark.parametrize("mode", ["distributed"], indirect=True)
embedded = pytest.mark.parametrize("mode", ["embedded"], indirect=True)


@distributed
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_worker_drains(settings: Settings, processes: str) -> None:
    with patchbay(settings, "router", "--health-port", "0", "--processes", processes) as process:
        [log] = settings.data_dir.glob("router-*.log")
        eventually(lambda: log.read_text().count("worker.started") == int(processes))
        children = psutil.Process(process.pid).children()
        # A shell and the kernel may both say it.
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
        assert process.wait(END_TIMEOUT_S) == 0
        assert not any(each.is_running() for each in children)
    assert log.read_text().count("worker.stopped") == int(processes)


@distributed
def test_intake_ends_and_starts_no_process_anew(settings: Settings) -> None:
    with serving(settings, "intake", "--processes", "2") as (process, _):
        process.send_signal(signal.SIGHUP)
        assert process.wait(END_TIMEOUT_S) == 0


@embedded
def test_standalone_ends(settings: Settings) -> None:
    with serving(settings, "serve") as (process, _):
        process.send_signal(signal.SIGHUP)
        assert process.wait(END_TIMEOUT_S) == 0
