"""Patchbay itself, as a process of its own: `patchbay serve` on a free port."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import monotonic

import aiohttp

from services.demo.errors import DemoError
from shared.ports import choose_port

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 10.0
LOOK_S = 0.1

#: Lines of the log that are shown when the process would not start or died.
LOG_LINES = 15

_PATCHBAY = (sys.executable, "-m", "services.cli")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run keeps its things, and on what it runs."""

    folder: Path
    database_url: str
    broker_url: str
    port: int

    @property
    def outbox(self) -> Path:
        """The folder that mail is written to."""
        return self.folder / "outbox"

    @property
    def log(self) -> Path:
        """What Patchbay printed."""
        return self.folder / "patchbay.log"

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment of the process.

        Settings of whoever starts the demo are left out: they belong to another desk.
        """
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PATCHBAY_")}
        return inherited | {
            "PATCHBAY_DATABASE_URL": self.database_url,
            "PATCHBAY_BROKER_URL": self.broker_url,
            "PATCHBAY_DATA_DIR": str(self.folder),
            "PATCHBAY_PORT": str(self.port),
            "PATCHBAY_EMAIL_URL": f"file:{self.outbox}",
            "PATCHBAY_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PATCHBAY_LOG_LEVEL": "WARNING",
        }


def place(folder: Path, database_url: str | None, broker_url: str | None) -> Place:
    """Return a place on a port that is free now; without URLs everything is in the folder."""
    database_url = database_url or f"sqlite:///{folder / 'patchbay.db'}"
    return Place(folder, database_url, broker_url or "memory://", choose_port())


class Host:
    """The running process.

    It has a session of its own: Ctrl-C reaches the demo alone, and the demo stops things in order.
    """

    def __init__(self, where: Place) -> None:
        self._place = where
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def start(self) -> None:
        """Start the process; returns before it listens."""
        with self._place.log.open("ab") as log:
            self._process = self._popen(["serve"], stdout=log, stderr=log)

    def create_key(self) -> str:
        """Return a fresh API key that may do everything; raises DemoError."""
        made = self._popen(
            ["keys", "create", "--name", "demo", "--scope", "*"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        output, errors = made.communicate(timeout=START_DEADLINE_S)
        if made.returncode:
            message = f"No API key could be made: {errors.decode(errors='replace').strip()}"
            raise DemoError(message)
        return output.decode().strip()

    def require_alive(self) -> None:
        """Raise DemoError, with the end of its log, if the process is gone."""
        if self._process is None or self._process.poll() is not None:
            status = self._process.returncode if self._process else "none"
            message = f"Patchbay stopped (status {status}):\n{self._last_words()}"
            raise DemoError(message)

    async def wait_until_ready(self, http: aiohttp.ClientSession) -> None:
        """Wait until tickets can be accepted; raises DemoError."""
        deadline = monotonic() + START_DEADLINE_S
        while monotonic() < deadline:
            self.require_alive()
            try:
                async with http.get(f"{self._place.base_url}/readyz") as answer:
                    if answer.status == HTTPStatus.OK:
                        self._ready = True
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(LOOK_S)
        message = f"Patchbay was not ready in {START_DEADLINE_S:g} s:\n{self._last_words()}"
        raise DemoError(message)

    def stop(self) -> None:
        """Let the process end in order; after the deadline end it with everything it started.

        A process that was not ready yet has nothing in hand and gets no time.
        """
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_DEADLINE_S if self._ready else 0)
        # The group outlives its first process when that was killed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _popen(self, words: Sequence[str], **streams: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            [*_PATCHBAY, *words],
            env=self._place.environment(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **streams,
        )

    def _last_words(self) -> str:
        lines = self._place.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])
