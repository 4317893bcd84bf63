"""Named points between two durable steps, where a test can end, stop, delay or fail a process.

A crash does harm only between steps: after a commit and before the ring, after a webhook was sent
and before that is recorded. `failpoint("router.committed")` marks such a moment. Off, which is
always but in a test, it costs one look into an empty dictionary. It is armed for a process by
`PATCHBAY_FAILPOINTS`:

    name=action[,after N][,share P][,times N][;name=action…]

`action` is `kill` (SIGKILL to the process itself), `stop` (SIGSTOP, all its threads stand still
until a SIGCONT), `raise` (FailpointError) or `sleep:SECONDS`. `after N` lets the first N passes go
by, `share P` strikes at that share of the passes (0 to 1, by the same draws in every process), and
`times N` strikes N times at most. Strikes are written to the file that `PATCHBAY_FAILPOINTS_LOG`
names, a line `name pid` each; `times` counts its lines then, so that a process that is started
again with the same environment is not struck again. The idea and the syntax are those of fail-rs
(https://docs.rs/fail).
"""

import os
import random
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

#: Every point, and what is done and what is not when it is passed.
POINTS: dict[str, str] = {
    "database.writing": "the writes of a transaction are sent, its commit is not",
    "database.committed": "a transaction is committed, whoever asked for it does not know",
    "intake.taken": "requests are taken together, nothing is stored",
    "intake.made": "their tickets go to the database next, in one trip with the commit",
    "intake.committed": "committed, nobody is answered",
    "intake.answered": "the requests have their answers, the doorbell is not rung",
    "upload.stored": "the bytes of an upload are in the storage, no row knows them",
    "scan.leased": "files are leased to be scanned, the scanner has none of them",
    "scan.judged": "the scanner has said what is in a file, which is nowhere recorded",
    "scan.recorded": "the verdict on a file is committed, that on the next of its batch is not",
    "bulk.opened": "a bulk job is committed, nothing of its body",
    "bulk.received": "a chunk of a body is committed, perhaps not the last",
    "bulk.completed": "a body is whole and its job committed, its sender is not answered",
    "bulk.made": "the tickets of a chunk are made, not committed",
    "bulk.committed": "the tickets of a chunk are committed, the doorbell is not rung",
    "batch.failed": "a batch was rolled back, its rows are not yet tried alone",
    "router.claimed": "ready tickets are claimed, nothing is decided",
    "router.bound": "tickets are bound or parked, not committed",
    "router.committed": "bound tickets are committed, the doorbells are not rung",
    "match.claimed": "agents with room and waiting tickets are claimed",
    "match.bound": "waiting tickets are bound, not committed",
    "match.committed": "committed, the doorbells are not rung",
    "wake.committed": "waiting tickets are ready again, the doorbell is not rung",
    "life.committed": "resolved tickets are closed by time, the doorbells are not rung",
    "sla.committed": "warnings of service levels are committed, the doorbell is not rung",
    "fan_out.claimed": "events are claimed, there are no deliveries",
    "fan_out.made": "deliveries are made, not committed",
    "fan_out.committed": "deliveries are committed, the engines are not woken",
    "deliver.leased": "deliveries are leased, nothing is sent",
    "deliver.sent": "a delivery has its outcome, which is nowhere recorded",
    "deliver.settled": "outcomes are gathered, not committed",
    "deliver.recorded": "outcomes are committed, nothing was told of it",
    "mail.data_noted": "it is noted that a mail's DATA begins, which it has not",
    "digest.made": "held mails are entries of a digest, not committed",
    "digest.committed": "the entries of a digest are committed, it is not written",
    "digest.concluded": "entries of a digest are to share its fate, neither is committed",
    "search.indexed": "changes are in the search index, not committed",
    "doorbell.taken": "rings are taken to be published",
    "doorbell.publishing": "the broker is about to get a ring",
    "doorbell.published": "the broker has confirmed a ring",
    "watch.found": "the watch found rows that nobody was rung for",
    "timers.leased": "this process has the lease of the timers, and did nothing with it",
    "timers.due": "a list is due and not rung",
    "timers.job_done": "a periodic job has run",
    "housekeeping.looked": "one half of the second look is committed",
    "housekeeping.deleted": "one chunk of old rows is deleted, perhaps not the last",
    "repair.made": "`verify --repair` has mended a batch and noted it, not committed",
    "repair.committed": "a mended batch is committed, nobody is told, the next is not begun",
}

ACTIONS = ("kill", "stop", "raise", "sleep:SECONDS")


class FailpointError(Exception):
    """What the action `raise` raises; its text is the point's name."""


@dataclass(slots=True)
class _Armed:
    """One armed point of this process."""

    name: str
    action: str
    seconds: float = 0.0
    after: int = 0
    share: float = 1.0
    times: int | None = None
    log: Path | None = None
    _passed: int = 0
    _struck: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random.seed(self.name)

    def passed(self) -> None:
        """Strike, if this pass is one to strike at."""
        with self._lock:
            self._passed += 1
            strikes = self._passed > self.after and self._random.random() < self.share
            if not strikes or (self.times is not None and self._strikes() >= self.times):
                return
            self._struck += 1
            self._write()
            if self.action in ("kill", "stop"):
                # Under the lock, so that no other thread passes while the signal is on its way.
                os.kill(os.getpid(), signal.SIGKILL if self.action == "kill" else signal.SIGSTOP)
        if self.action == "sleep":
            threading.Event().wait(self.seconds)
        elif self.action == "raise":
            raise FailpointError(self.name)

    def _strikes(self) -> int:
        if self.log is None:
            return self._struck
        return sum(name == self.name for name, _ in strikes(self.log))

    def _write(self) -> None:
        if self.log is not None:
            # One write to a file opened for appending is whole, whoever else writes there.
            with self.log.open("a") as log:
                log.write(f"{self.name} {os.getpid()}\n")


N = TypeVar("N", int, float)

_armed: dict[str, _Armed] = {}


def failpoint(name: str) -> None:
    """Pass the point `name`: nothing happens unless it is armed."""
    if name in _armed:
        _armed[name].passed()


def arm(text: str, log: str = "") -> list[str]:
    """Arm the points that `text` names, and no others; return their names.

    Raises ValueError, with a sentence for people, if the text cannot be read.
    """
    found = {name: _read(name, what) for name, what in _parts(text)}
    for each in found.values():
        each.log = Path(log) if log else None
    _armed.clear()
    _armed.update(found)
    return list(found)


def check(text: str) -> None:
    """Raise ValueError, with a sentence for people, if `arm` could not read the text."""
    for name, what in _parts(text):
        _read(name, what)


def strikes(log: Path) -> list[tuple[str, int]]:
    """Return which points struck in which process, in order, from a log."""
    if not log.exists():
        return []
    found = [line.split() for line in log.read_text().splitlines()]
    return [(name, int(pid)) for name, pid in found]


def _parts(text: str) -> list[tuple[str, str]]:
    parts = [part.strip() for part in text.split(";") if part.strip()]
    return [(name.strip(), what) for name, _, what in (part.partition("=") for part in parts)]


def _read(name: str, what: str) -> _Armed:
    if name not in POINTS:
        raise ValueError(f"there is no failpoint {name!r}")
    action, *options = (part.strip() for part in what.split(","))
    action, _, seconds = action.partition(":")
    armed = _Armed(name, action)
    if action == "sleep":
        armed.seconds = _number(name, seconds, float, 0, None)
    elif action not in ("kill", "stop", "raise") or seconds:
        raise ValueError(f"{name}: {what!r} begins with none of {', '.join(ACTIONS)}")
    for option in options:
        key, _, value = option.partition(" ")
        if key == "after":
            armed.after = _number(name, value, int, 0, None)
        elif key == "times":
            armed.times = _number(name, value, int, 1, None)
        elif key == "share":
            armed.share = _number(name, value, float, 0, 1)
        else:
            raise ValueError(f"{name}: {option!r} is none of after N, share P, times N")
    return armed


def _number(name: str, text: str, kind: type[N], least: int, most: int | None) -> N:
    try:
        number = kind(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no number") from None
    if not number >= least or (most is not None and number > most):
        raise ValueError(f"{name}: {text} is out of range")
    return number
