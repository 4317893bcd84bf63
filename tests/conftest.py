"""Loads the fixtures, each topic in a file of its own, and ends the servers they started."""

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from shared.garbage import look_seldom, settle
from tests.fixtures import private_servers

pytest_plugins = [
    "tests.fixtures.modes",
    "tests.fixtures.runtimes",
    "tests.fixtures.desks",
    "tests.fixtures.receivers",
    "tests.fixtures.collectors",
    "tests.fixtures.relays",
    "tests.fixtures.shops",
    "tests.fixtures.browsers",
    "tests.fixtures.node",
    "tests.fixtures.mail_readers",
    "tests.fixtures.promtool",
]


#: A file system in memory, and the room that a whole run wants of it.
MEMORY = Path("/dev/shm")
ROOM_BYTES = 6 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Choose where this run's servers live; the workers of a parallel run are told."""
    look_seldom()
    _write_to_memory()
    _compile_once()
    given = getattr(config, "workerinput", {}).get("servers_directory")
    if given is None:
        directory = Path(tempfile.mkdtemp(prefix="patchbay-tests-"))
        # The account that PostgreSQL runs under must get through.
        directory.chmod(0o711)
        config.add_cleanup(lambda: private_servers.remove(directory))
    else:
        directory = Path(given)
    config.stash[private_servers.DIRECTORY] = directory
    _plain_logs()
    # The machine may be busy with other things; how long an example takes says nothing.
    patient = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile(
        "patchbay", deadline=None, derandomize=True, suppress_health_check=patient
    )
    hypothesis.settings.register_profile("thorough", deadline=None)
    hypothesis.settings.load_profile(
        config.getoption("--hypothesis-profile", default=None) or "patchbay"
    )


def _write_to_memory() -> None:
    """Let temporary files be in memory where there is room for them.

    Thousands of tests commit; the disk's flushes are a large part of their time. A process that is
    killed, PostgreSQL too, finds there what it wrote as it would on a disk.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _compile_once() -> None:
    """Keep compiled modules, whatever the environment says.

    A worker of pytest rewrites hundreds of tests otherwise, and each of the many processes that
    tests start compiles all it imports, which makes its start half as long again.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    """Settle as every process of ours does: the collector took a third of the time of all tests."""
    settle()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the servers are."""
    node.workerinput["servers_directory"] = str(node.config.stash[private_servers.DIRECTORY])


def _plain_logs() -> None:
    """Print logs short and without the values of variables, which can take seconds to write.

    They go to where errors go: what a command under test prints is a document of its own.
    """
    structlog.configure(
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
    )
