"""Real processes of `patchbay`, each in a session of its own, that can be killed as a whole."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.processes import Process, freeze_tree, thaw_tree
from deploy.local.waiting import log_tail, wait_until
from tests.faults import nursery

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "services.cli")
DEADLINE_S = 60.0
PROBE_TIMEOUT_S = 2.0
EVENT_NAME = re.compile(r"[a-z_]+\.[a-z_]+")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process' environment with these settings of Patchbay's, and no others."""
    inherited = {name: value for name, value in os.environ.items() if "PATCHBAY_" not in name}
    # Compiling everything anew would make each of the many starts here three times as long.
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**inherited, "PATCHBAY_LOG_FORMAT": "json", **settings}


def run_command(settings: Mapping[str, str], *arguments: str, release: Path = ROOT) -> str:
    """Run `patchbay …` of a release to its end; returns what it printed."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=release,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class ServiceProcess:
    """`patchbay …` and its children. It may live several times; each life has its own log."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        folder: Path,
        release: Path = ROOT,
    ) -> None:
        self.name = name
        self.release = release
        self._arguments = [name, *arguments]
        self.settings = dict(settings)
        self._folder = folder
        self._logs: list[Path] = []
        self._process: Process | None = None

    def twin(self, release: Path | None = None) -> "ServiceProcess":
        """Return another process of the same kind, perhaps of another release; not launched."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self._folder))
        release = release or self.release
        return ServiceProcess(self.name, self._arguments[1:], self.settings, folder, release)

    def launch(self) -> None:
        """Start it; `await_ready` waits until it works."""
        log = self._folder / f"{self.name}-{len(self._logs) + 1}.log"
        self._logs.append(log)
        self._process = nursery.start(
            self._arguments, environment(self.settings), log, self.release
        )

    def await_ready(self) -> None:
        """Wait until it answers that it is ready."""
        assert wait_until(lambda: self.ended or self.ready, DEADLINE_S), self.explain()
        assert not self.ended, self.explain()

    def kill(self) -> None:
        """SIGKILL to the whole process group; returns when nothing of it is left."""
        assert self._process is not None
        family = self._process.tree()
        with suppress(ProcessLookupError):  # It had ended by itself.
            os.killpg(self._process.pid, signal.SIGKILL)
        gone = wait_until(lambda: not any(member.alive for member in family), DEADLINE_S)
        assert gone, self.explain()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to whatever is left of the group afterwards."""
        if self._process is None:
            return
        self._process.send(signal.SIGTERM)
        if not wait_until(lambda: self.ended, DEADLINE_S):
            sys.stdout.write(f"{self.name} did not stop\n{self.explain()}\n")
        self.kill()

    def end(self) -> float:
        """SIGTERM; return after how many seconds nothing of it was left."""
        assert self._process is not None
        family, began = self._process.tree(), monotonic()
        self._process.send(signal.SIGTERM)
        gone = wait_until(lambda: not any(member.alive for member in family), DEADLINE_S)
        assert gone, self.explain()
        return monotonic() - began

    def await_serving(self) -> None:
        """Wait until it does its work, beside others of its kind.

        At a port that others serve too a probe reaches any of them; the log of intake tells.
        """
        if "--health-port" in self._arguments:
            self.await_ready()
            return

        def listens() -> bool:
            return any(line["event"] == "http.listening" for line in _lines(self._logs[-1]))

        assert wait_until(lambda: self.ended or listens(), DEADLINE_S), self.explain()
        assert not self.ended, self.explain()

    def family(self) -> list[Process]:
        """Return the process and its children."""
        assert self._process is not None
        return self._process.tree()

    def limit_files(self, size: int) -> None:
        """Let it write no file beyond this size in bytes, as on a disk that is full; -1 ends it."""
        assert self._process is not None
        for member in self._process.tree():
            _, hard = resource.prlimit(member.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(member.pid, resource.RLIMIT_FSIZE, (size, hard))

    def freeze(self) -> None:
        """SIGSTOP to all of it; it and its connections stay, and nobody answers."""
        assert self._process is not None
        freeze_tree(self._process)

    def thaw(self) -> None:
        """SIGCONT to all of it."""
        assert self._process is not None
        thaw_tree(self._process)

    @property
    def ready(self) -> bool:
        """Whether /readyz answers 200 now."""
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", timeout=PROBE_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (OSError, LookupError):
            return False

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's present value; 0 while it was never counted."""
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=DEADLINE_S) as answer:
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return 0.0

    def crashes(self) -> Counter[str]:
        """Count our own log lines at level error, by event, over all lives.

        No fault in here should meet code that does not expect it. What libraries say about a broker
        that is gone has no event of the form `noun.verbed` and is not meant.
        """
        lines = (line for log in self._logs for line in _lines(log) if line["level"] == "error")
        return Counter(line["event"] for line in lines if EVENT_NAME.fullmatch(line["event"]))

    def explain(self) -> str:
        """Return the end of the present life's log."""
        return log_tail(self._logs[-1])

    @property
    def pid(self) -> int:
        """Its pid, in the present life."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it does not run."""
        return self._process is None or not self._process.alive

    @property
    def _url(self) -> str:
        """Where health and metrics are; LookupError before a worker has told its port."""
        if "--health-port" not in self._arguments:
            return f"http://127.0.0.1:{self.settings['PATCHBAY_PORT']}"
        for line in _lines(self._logs[-1]):
            if line["event"] == "health.listening":
                return f"http://127.0.0.1:{line['port']}"
        raise LookupError(self.name)


def _lines(log: Path) -> Iterator[Mapping[str, Any]]:
    """Yield what is structured in a log; a line under way and plain output are passed over."""
    if not log.exists():
        return
    for text in log.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and {"event", "level"} <= line.keys():
            yield line
