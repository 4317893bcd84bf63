"""A real Chromium, driven over its DevTools protocol by two pipes; no driver, no further package.

https://chromedevtools.github.io/devtools-protocol/. One process serves a whole test run; each test
gets a context of its own, which shares nothing with the others.
"""

import fcntl
import json
import os
import shutil
import signal
import tempfile
import threading
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from tests.browser.tab import Tab
from tests.waiting import eventually

ANSWER_TIMEOUT_S = 20.0


class BrowserError(Exception):
    """The browser refused a command, or ended."""


class Chromium:
    """The process and the wire to it."""

    def __init__(self, program: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="patchbay-chromium-"))
        commands_read, self._commands = os.pipe()
        self._events, events_write = os.pipe()
        arguments = [
            program,
            "--headless=new",
            "--remote-debugging-pipe",
            f"--user-data-dir={self._folder}",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            # Root has no sandbox of Chromium's; the pages are our own.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        # Out of the way of 3 and 4, which the browser reads commands from and writes to.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 100) for end in (commands_read, events_write)]
        self._pid = os.posix_spawn(
            program,
            arguments,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, ends[0], 3),
                (os.POSIX_SPAWN_DUP2, ends[1], 4),
            ],
            setsid=True,
        )
        for end in (commands_read, events_write, *ends):
            os.close(end)
        self._lock = threading.Lock()
        self._number = 0
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        #: What pages told, by session.
        self.told: dict[str, deque[dict[str, Any]]] = {}
        threading.Thread(target=self._listen, name="chromium", daemon=True).start()

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        answer: Future[dict[str, Any]] = Future()
        with self._lock:
            self._number += 1
            number = self._number
            self._waiting[number] = answer
            message = {"id": number, "method": method, "params": parameters}
            if session is not None:
                message["sessionId"] = session
            data = json.dumps(message).encode() + b"\0"
            while data:
                data = data[os.write(self._commands, data) :]
        found = answer.result(ANSWER_TIMEOUT_S)
        if "error" in found:
            raise BrowserError(f"{method}: {found['error']['message']}")
        return dict(found.get("result", {}))

    def open(self, *, language: str = "en-US", scripts: bool = True) -> Tab:
        """Open a page in a context of its own."""
        context = self.call("Target.createBrowserContext", disposeOnDetach=True)
        target = self.call(
            "Target.createTarget", url="about:blank", browserContextId=context["browserContextId"]
        )
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        session = attached["sessionId"]
        self.told[session] = deque()
        return Tab(self, session, context["browserContextId"], language, scripts=scripts)

    def close(self) -> None:
        """End the process and delete what it left."""
        try:
            self.call("Browser.close")
        except (BrowserError, OSError, TimeoutError):
            os.kill(self._pid, signal.SIGKILL)
        eventually(lambda: os.waitpid(self._pid, os.WNOHANG)[0])
        os.close(self._commands)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listen(self) -> None:
        rest = b""
        while piece := os.read(self._events, 1 << 16):
            *messages, rest = (rest + piece).split(b"\0")
            for message in messages:
                self._take(json.loads(message))
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(BrowserError("the browser ended"))
        os.close(self._events)

    def _take(self, message: dict[str, Any]) -> None:
        answer = self._waiting.pop(message.get("id", 0), None)
        if answer is not None:
            answer.set_result(message)
        elif message.get("sessionId") in self.told:
            self.told[message["sessionId"]].append(message)
