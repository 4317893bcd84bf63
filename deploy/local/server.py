"""What the two private servers have in common: life cycle, state on disk, identity of processes."""

import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from deploy.local.errors import NotRunning, StartFailed
from deploy.local.launching import launch
from deploy.local.logs import log_tail
from deploy.local.processes import Process, freeze_tree, kill_trees, thaw_tree
from deploy.local.state import SERVER, ServerState, load_state, locked, save_state
from shared.ports import choose_port, is_free
from shared.waiting import wait_until

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
OTHER_PORTS = 2
"""How often a start is tried again with other ports when somebody was quicker."""


class LocalServer(ABC):
    """A server of this checkout, on 127.0.0.1, that lives in one directory.

    Several objects, also in several processes, may stand for the same directory: the truth is the
    state file in it, and a lock file lets one of them act at a time.
    """

    name: ClassVar[str]
    port_roles: ClassVar[tuple[str, ...]]
    """What it needs ports for; the first is the one that clients connect to."""
    stop_signal: ClassVar[signal.Signals]
    """Asks for an orderly shutdown that does not wait for clients to leave."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        """Stand for the server in ``directory``, running or not.

        ``port`` is where it listens when it is next started. Without it, the port it had before
        is used, or a free one.
        """
        self.directory = directory.absolute()
        self._wanted_port = port
        self._state_path = self.directory / "state.json"

    @property
    def running(self) -> bool:
        """Whether the server's process exists; it does while frozen."""
        process = self._state.processes.get(SERVER)
        return process is not None and process.alive

    @property
    def pid(self) -> int:
        """The pid of the server's main process. Raises NotRunning."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Where clients connect; it stays the same while the server is down.

        Raises NotRunning if it was never started.
        """
        ports = self._state.ports
        if not ports:
            raise NotRunning(f"{self.name} in {self.directory} was never started")
        return ports[self.port_roles[0]]

    def start(self) -> None:
        """Start it and return when it serves clients; a running one is left as it is.

        Raises StartFailed, quoting the log; then nothing is left running.
        """
        with self._locked():
            self._start()

    def stop(self) -> None:
        """Shut it down in order, also if it is frozen; one that does not run is left as it is."""
        with self._locked():
            self._stop()

    def restart(self) -> None:
        """Stop it and start it again on the same port, with its data."""
        with self._locked():
            self._stop()
            self._start()

    def kill(self) -> None:
        """Crash it: SIGKILL to all its processes. ``start`` afterwards recovers."""
        with self._locked():
            self._kill()

    def freeze(self) -> None:
        """Stop all its processes where they are (SIGSTOP). Raises NotRunning."""
        freeze_tree(self._process)

    def thaw(self) -> None:
        """Let a frozen server continue (SIGCONT). Raises NotRunning."""
        thaw_tree(self._process)

    def remove(self) -> None:
        """Kill it and delete its directory and its data."""
        with self._locked():
            self._kill()
            data_directory = self._state.data_directory
            if data_directory is not None:
                shutil.rmtree(data_directory, ignore_errors=True)
            shutil.rmtree(self.directory)

    @property
    @abstractmethod
    def _logs(self) -> tuple[Path, ...]:
        """The logs that explain a failed start."""

    @abstractmethod
    def _launch(self) -> None:
        """Prepare the data if needed and ``_spawn`` the processes; the ports are chosen."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether a client would be served now."""

    @property
    def _state(self) -> ServerState:
        return load_state(self._state_path)

    def _save(self, state: ServerState) -> None:
        save_state(self._state_path, state)

    @property
    def _process(self) -> Process:
        process = self._state.processes.get(SERVER)
        if process is None or not process.alive:
            raise NotRunning(f"{self.name} in {self.directory} is not running")
        return process

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.directory / "lock")

    def _start(self) -> None:
        if self.running:
            return
        self._kill()  # What a crash left behind, such as a companion process.
        for others in range(OTHER_PORTS, -1, -1):
            self._save(replace(self._state, ports=self._choose_ports()))
            try:
                self._launch()
                self._await_ready()
            except BaseException as error:
                self._kill()
                if others and isinstance(error, StartFailed) and self._lost_a_port:
                    continue
                raise
            return

    @property
    def _lost_a_port(self) -> bool:
        """Whether somebody else took a port between our choice and our use of it."""
        return not all(is_free(port) for port in self._state.ports.values())

    def _await_ready(self) -> None:
        process = self._process
        answered = wait_until(lambda: not process.alive or self._ready(), START_TIMEOUT_S)
        if process.alive and answered:
            return
        how = f"was silent for {START_TIMEOUT_S:.0f} s" if process.alive else "ended"
        raise StartFailed(f"{self.name} {how} while it started\n{log_tail(*self._logs)}")

    def _stop(self) -> None:
        process = self._state.processes.get(SERVER)
        if process is not None:
            process.send(self.stop_signal)
            thaw_tree(process)
            wait_until(lambda: not process.alive, STOP_TIMEOUT_S)
        self._kill()  # Companions, or a server that did not obey.

    def _kill(self) -> None:
        state = self._state
        kill_trees(state.processes.values())
        if state.processes:
            self._save(replace(state, processes={}))

    def _choose_ports(self) -> dict[str, int]:
        ports: dict[str, int] = {}
        if self._wanted_port is not None:
            if not is_free(self._wanted_port):
                raise StartFailed(f"{self.name}: port {self._wanted_port} is taken")
            ports[self.port_roles[0]] = self._wanted_port
        for role in self.port_roles[len(ports) :]:
            port = self._state.ports.get(role)
            if port is None or port in ports.values() or not is_free(port):
                port = choose_port(besides=ports.values())
            ports[role] = port
        return ports

    def _spawn(
        self, role: str, command: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        """Launch a process and remember it at once, so that an interrupted start can be undone."""
        process = launch(command, log, environment)
        state = self._state
        self._save(replace(state, processes={**state.processes, role: process}))
