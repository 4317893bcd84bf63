"""Processes that may have been started by an earlier run, identified beyond doubt.

A pid alone is not an identity: the kernel hands it out again. The pid together with the start time
is, so a signal is sent only to a process whose start time in ``/proc`` still matches (proc(5)).
"""

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.waiting import wait_until

PROC = Path("/proc")
DEATH_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its pid and its start time in clock ticks since boot."""

    pid: int
    started_ticks: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        """Identify the process that has ``pid`` now. Raises ProcessLookupError if none has."""
        return cls(pid, _read_stat(pid).started_ticks)

    @property
    def alive(self) -> bool:
        """Whether it still runs; a frozen process does, a zombie does not."""
        try:
            stat = _read_stat(self.pid)
        except ProcessLookupError:
            return False
        if stat.started_ticks != self.started_ticks:
            return False
        # While threads remain, a dead main thread is a zombie whose ports and files are still open.
        if stat.state in "ZX" and stat.threads <= 1:
            _reap(self.pid)
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal if it still runs, otherwise do nothing."""
        if self.alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def tree(self) -> list["Process"]:
        """It and all its descendants, parents before children; empty if it no longer runs."""
        if not self.alive:
            return []
        children: dict[int, list[int]] = {}
        for pid in _all_pids():
            try:
                children.setdefault(_read_stat(pid).parent, []).append(pid)
            except ProcessLookupError:
                continue
        found = [self]
        for process in found:
            found.extend(_identify(children.get(process.pid, [])))
        return found


def freeze_tree(root: Process) -> list[Process]:
    """Stop a process and its descendants (SIGSTOP); returns them, parents first.

    The list is read again until it no longer grows, because a process may fork until it is stopped.
    """
    frozen: list[Process] = []
    while True:
        tree = root.tree()
        if set(tree) <= set(frozen):
            return tree
        for process in tree:
            process.send(signal.SIGSTOP)
        frozen = tree


def thaw_tree(root: Process) -> None:
    """Let a frozen process and its descendants continue (SIGCONT), children first."""
    for process in reversed(root.tree()):
        process.send(signal.SIGCONT)


def kill_all(processes: Iterable[Process]) -> None:
    """Kill processes at once (SIGKILL) and wait until the kernel has buried them."""
    doomed = list(processes)
    for process in doomed:
        process.send(signal.SIGKILL)
    if not wait_until(lambda: not any(process.alive for process in doomed), DEATH_TIMEOUT_S):
        alive = ", ".join(str(process.pid) for process in doomed if process.alive)
        raise TimeoutError(f"processes survived SIGKILL for {DEATH_TIMEOUT_S:.0f} s: {alive}")


def kill_trees(roots: Iterable[Process]) -> None:
    """Kill processes and their descendants at once, so that none is born meanwhile."""
    frozen = [freeze_tree(process) for process in roots]
    kill_all(process for tree in frozen for process in tree)


def processes_working_in(directory: Path) -> list[Process]:
    """The live processes whose working directory is ``directory`` (as far as we may look)."""
    target = directory.resolve()
    pids = []
    for pid in _all_pids():
        try:
            if (PROC / str(pid) / "cwd").readlink() == target:
                pids.append(pid)
        except OSError:
            continue
    return [process for process in _identify(pids) if process.alive]


@dataclass(frozen=True, slots=True)
class _Stat:
    """The fields of ``/proc/<pid>/stat`` that matter here."""

    state: str
    parent: int
    threads: int
    started_ticks: int


def _read_stat(pid: int) -> _Stat:
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(pid) from None
    # The command name in the second field may itself hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return _Stat(
        state=fields[0],
        parent=int(fields[1]),
        threads=int(fields[17]),
        started_ticks=int(fields[19]),
    )


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _identify(pids: Iterable[int]) -> list[Process]:
    found = []
    for pid in pids:
        try:
            found.append(Process.of(pid))
        except ProcessLookupError:
            continue
    return found


def _reap(pid: int) -> None:
    """Collect the exit status if it is our child, so that it does not linger as a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
