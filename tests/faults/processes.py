"""The processes of fault tests: forked from the nursery, and buried to the last child."""

import os
import resource
import signal
import subprocess
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.processes import Process
from services.chaos import service_process
from services.chaos.service_process import COMMAND, DEADLINE_S
from shared.waiting import wait_until
from tests.faults import nursery

ROOT = Path(__file__).parents[2]
#: A release whose intake shares its port only when it is asked to has this file.
KNOWS_SHARING = Path("services/intake/port_claim.py")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process' environment with these settings of Patchbay's, and no others."""
    inherited = {name: value for name, value in os.environ.items() if "PATCHBAY_" not in name}
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


@dataclass(slots=True)
class Forked:
    """A process that the nursery forked; its start time in `/proc` tells it from any other."""

    process: Process
    family: list[Process] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.alive

    def signal(self, number: signal.Signals) -> None:
        self.family = self.process.tree() or self.family
        with suppress(ProcessLookupError):  # It had ended by itself.
            os.killpg(self.pid, number)

    def bury(self) -> None:
        """Nothing: the nursery does."""


class ServiceProcess(service_process.ServiceProcess):
    """`patchbay …` and its children, as in the product, started cheaply."""

    _process: Forked | None

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        folder: Path,
        release: Path = ROOT,
    ) -> None:
        super().__init__(name, arguments, settings, folder)
        self.release = release
        #: How many signals of a kind found it alive.
        self.hits: Counter[signal.Signals] = Counter()

    def signal(self, number: signal.Signals) -> None:
        self.hits[number] += not self.ended
        super().signal(number)

    def _start(self, arguments: Sequence[str], log: Path) -> Forked:
        if self.name == "intake" and (self.release / KNOWS_SHARING).exists():
            # So that another can be there before this one goes. One of before shares unasked.
            arguments = [*arguments, "--share-port"]
        return Forked(nursery.start(arguments, environment(self.settings), log, self.release))

    def _gone(self) -> bool:
        """Also of the children nothing is left: their ports are free again."""
        assert self._process is not None
        return self.ended and not any(member.alive for member in self._process.family)

    def twin(self, release: Path | None = None) -> "ServiceProcess":
        """Return another process of the same kind, perhaps of another release; not launched."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self._folder))
        release = release or self.release
        return ServiceProcess(self.name, self._arguments[1:], self.settings, folder, release)

    def end(self) -> float:
        """SIGTERM; return after how many seconds nothing of it was left."""
        family, began = self.family(), monotonic()
        assert self._process is not None
        self._process.process.send(signal.SIGTERM)
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
        listens = wait_until(lambda: self.ended or self.said("http.listening"), DEADLINE_S)
        assert listens, self.explain()
        assert not self.ended, self.explain()

    def family(self) -> list[Process]:
        """Return the process and its children."""
        assert self._process is not None
        return self._process.process.tree()

    def limit_files(self, size: int) -> None:
        """Let it write no file beyond this size in bytes, as on a disk that is full; -1 ends it."""
        assert self._process is not None
        for member in self._process.process.tree():
            _, hard = resource.prlimit(member.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(member.pid, resource.RLIMIT_FSIZE, (size, hard))

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's present value; 0 while it was never counted."""
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=DEADLINE_S) as answer:
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return 0.0
