"""A real Chromium, driven over its DevTools protocol by two pipes; no driver, no further package.

https://chromedevtools.github.io/devtools-protocol/. One process serves a whole test run; each test
gets a context of its own, which shares nothing with the others.
"""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from tests.browser.tab import Tab

ANSWER_TIMEOUT_S = 20.0

#: The browser reads commands from descriptor 3 and writes to 4 (--remote-debugging-pipe).
_LAUNCH = 'exec "$@" 3<&"$COMMANDS" 4>&"$EVENTS"'


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
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCH, "sh", *arguments],
            pass_fds=(commands_read, events_write),
            env={**os.environ, "COMMANDS": str(commands_read), "EVENTS": str(events_write)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands_read)
        os.close(events_write)
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
            self._process.kill()
        self._process.wait(ANSWER_TIMEOUT_S)
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
