"""Real processes of `patchbay`, each in a session of its own, that can be killed as a whole.

A signal goes to the process group of a child that we started and have not buried (waited for) yet:
the kernel cannot have given its number to anybody else meanwhile.
"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from services.chaos.errors import ChaosError
from services.chaos.guard import Guard
from services.chaos.interrupts import undisturbed
from shared.waiting import wait_until

COMMAND = (sys.executable, "-m", "services.cli")
DEADLINE_S = 60.0
PROBE_TIMEOUT_S = 2.0
LOG_LINES = 20
EVENT_NAME = re.compile(r"[a-z_]+\.[a-z_]+")


class Handle(Protocol):
    """One life of a process."""

    @property
    def pid(self) -> int:
        """Its pid, which is also the number of its group."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        ...

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, if anything is left of it."""
        ...

    def bury(self) -> None:
        """Give its number back: it gets no signal any more."""
        ...


class Child:
    """A child of this process, in a session of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        guard: Guard | None = None,
    ) -> None:
        self._buried, self._guard = False, guard
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [*COMMAND, *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for whoever started it, who stops it in order.
                start_new_session=True,
            )
        if guard is not None:
            try:
                guard.begin(self.pid)
            except OSError:
                # Nobody would end it when we are gone, and nobody knows it yet.
                self._popen.kill()
                self._popen.wait()
                raise

    @property
    def pid(self) -> int:
        """Its pid, which is also the number of its group."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs; it is looked at and not buried."""
        if self._buried:
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, unless it is buried."""
        if not self._buried:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def bury(self) -> None:
        """Wait for it; it has ended."""
        if self._guard is not None and not self._buried:
            self._guard.end(self.pid)
        self._buried = True
        self._popen.wait()


class ServiceProcess:
    """`patchbay …` and its children. It may live several times; each life has its own log.

    With a guard it is killed when this process is gone.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        folder: Path,
        guard: Guard | None = None,
    ) -> None:
        self.name = name
        self._guard = guard
        self._arguments = [name, *arguments]
        self.settings = dict(settings)
        self._folder = folder
        self._logs: list[Path] = []
        self._process: Handle | None = None

    def launch(self) -> None:
        """Start it; `await_ready` waits until it works."""
        log = self._folder / f"{self.name}-{len(self._logs) + 1}.log"
        self._logs.append(log)
        # Interrupted in between, it would run and nobody would know of it.
        with undisturbed():
            self._process = self._start(self._arguments, log)

    def await_ready(self) -> None:
        """Wait until it answers that it is ready; raises ChaosError."""
        if not wait_until(lambda: self.ended or self.ready, DEADLINE_S) or self.ended:
            raise self._failed("did not become ready")

    def kill(self) -> None:
        """SIGKILL to the whole process group; returns when it is dead."""
        self.signal(signal.SIGKILL)
        if not wait_until(self._gone, DEADLINE_S):
            raise self._failed("survived SIGKILL")
        if self._process is not None:
            self._process.bury()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to whatever is left of the group afterwards."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            if not self.ended:
                os.kill(self.pid, signal.SIGTERM)
        wait_until(lambda: self.ended, DEADLINE_S)
        self.kill()

    def freeze(self) -> None:
        """SIGSTOP to all of it; it and its connections stay, and nobody answers."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to all of it."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, whatever is left of it."""
        if self._process is not None:
            self._process.signal(number)

    @property
    def ready(self) -> bool:
        """Whether /readyz answers 200 now."""
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", timeout=PROBE_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (OSError, LookupError):
            return False

    def crashes(self) -> Counter[str]:
        """Count our own log lines at level error, by event, over all lives.

        No fault in here should meet code that does not expect it. What libraries say about a broker
        that is gone has no event of the form `noun.verbed` and is not meant.
        """
        lines = (line for log in self._logs for line in _lines(log) if line["level"] == "error")
        return Counter(line["event"] for line in lines if EVENT_NAME.fullmatch(line["event"]))

    def explain(self) -> str:
        """Return the end of the present life's log."""
        lines = self._logs[-1].read_text(errors="replace").splitlines()
        return "\n".join([f"end of {self._logs[-1]}", *lines[-LOG_LINES:]])

    def reason(self) -> str:
        """Return the last line of the present life's log that says what went wrong."""
        return last_error(self._logs[-1].read_text(errors="replace"))

    @property
    def pid(self) -> int:
        """Its pid, in the present life; raises ProcessLookupError before the first."""
        if self._process is None:
            raise ProcessLookupError(self.name)
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it does not run."""
        return self._process is None or not self._process.alive

    def _start(self, arguments: Sequence[str], log: Path) -> Handle:
        return Child(arguments, self.settings, log, self._guard)

    def _failed(self, how: str) -> ChaosError:
        error = ChaosError(f"{self.name} {how}: {self.reason()}")
        error.add_note(self.explain())
        return error

    def said(self, event: str) -> bool:
        """Tell whether its present life has logged such an event."""
        return any(line["event"] == event for line in _lines(self._logs[-1]))

    def _gone(self) -> bool:
        return self.ended

    @property
    def _url(self) -> str:
        """Where health and metrics are; LookupError before a worker has told its port."""
        if "--health-port" not in self._arguments:
            return f"http://127.0.0.1:{self.settings['PATCHBAY_PORT']}"
        for line in _lines(self._logs[-1]):
            if line["event"] == "health.listening":
                return f"http://127.0.0.1:{line['port']}"
        raise LookupError(self.name)


def last_error(log: str) -> str:
    """Return the last line of a log that tells of an error, in one line; else its last line.

    Structured lines count by their level; plain ones are what a command prints before it gives up,
    or the last line of a traceback, and come last.
    """
    texts = [text.strip() for text in log.splitlines() if text.strip()]
    for text in reversed(texts):
        line = _structured(text)
        if line is None:
            return text
        if line["level"] in ("error", "critical"):
            exception = str(line.get("exception", "")).strip().splitlines()[-1:]
            told = [str(line[name]) for name in ("error", "reason") if line.get(name)]
            return ": ".join([line["event"], *told, *exception])
    return texts[-1] if texts else "it has said nothing"


def _lines(log: Path) -> Iterator[Mapping[str, Any]]:
    """Yield what is structured in a log; a line under way and plain output are passed over."""
    if not log.exists():
        return
    for text in log.read_text(errors="replace").splitlines():
        line = _structured(text)
        if line is not None:
            yield line


def _structured(text: str) -> Mapping[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"event", "level"} <= line.keys() else None
