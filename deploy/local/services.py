"""Patchbay's own processes, started beside the private servers: distributed mode on one machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from http.client import HTTPException
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from deploy.local.errors import StartFailed
from deploy.local.launching import launch
from deploy.local.logs import log_tail
from deploy.local.processes import PROC, Process, kill_trees
from deploy.local.state import locked, write_whole
from shared.ports import is_free
from shared.waiting import wait_until

START_TIMEOUT_S = 60.0
#: The drain's own bound and a margin.
STOP_TIMEOUT_S = 30.0

#: Ports of health and metrics of router and notifier.
HEALTH_PORTS = (9101, 9102)


class Services:
    """intake, router and notifier as background processes; `directory` remembers them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._state = directory / "services.json"

    @property
    def running(self) -> dict[str, Process]:
        """The processes that run, by service."""
        try:
            content = json.loads(self._state.read_text())
        except FileNotFoundError:
            return {}
        found = {name: Process(**process) for name, process in content.items()}
        return {name: process for name, process in found.items() if process.alive}

    def start(
        self, settings: Mapping[str, str], health_ports: tuple[int, int] = HEALTH_PORTS
    ) -> None:
        """Start what does not run, with these PATCHBAY_ settings, and wait until all are ready.

        Intake listens on PATCHBAY_PORT. Relative paths in settings are of the current directory.
        Raises StartFailed, with the end of the logs, and leaves running only what ran before.
        """
        with self._locked():
            self.require_startable(settings, health_ports)
            commands, ports = _commands(health_ports), _ports(settings, health_ports)
            running, launched = self.running, dict[str, Process]()
            try:
                for name in [name for name in commands if name not in running]:
                    environment = {**os.environ, **settings}
                    launched[name] = launch(
                        commands[name], self._log(name), environment, Path.cwd()
                    )
                    self._remember(running | launched)
                self._await_ready(running | launched, ports)
            except BaseException:
                kill_trees(launched.values())
                raise

    def require_startable(
        self, settings: Mapping[str, str], health_ports: tuple[int, int] = HEALTH_PORTS
    ) -> None:
        """Raise StartFailed if something runs otherwise than it would be started, or lacks a port.

        Nothing is started or changed.
        """
        commands, ports = _commands(health_ports), _ports(settings, health_ports)
        running = self.running
        for name, process in running.items():
            if other := _differing(process, commands[name], {**os.environ, **settings}):
                raise StartFailed(
                    f"{name} runs with another {other}; first stop it: "
                    f"python -m deploy.local down --directory {self.directory}"
                )
        for name, port in ports.items():
            if list(ports.values()).count(port) > 1 or (name not in running and not is_free(port)):
                raise StartFailed(
                    f"port {port} is taken, {name} cannot listen on it; choose others: "
                    "PATCHBAY_PORT or --port, --health-ports"
                )

    def stop(self) -> list[str]:
        """Stop these processes, draining first; return the names of those that ran."""
        with self._locked():
            running = self.running
            for process in running.values():
                process.send(signal.SIGTERM)
            wait_until(lambda: not any(p.alive for p in running.values()), STOP_TIMEOUT_S)
            kill_trees(running.values())
            self._state.unlink(missing_ok=True)
            return list(running)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.directory / "services.lock")

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def _remember(self, processes: Mapping[str, Process]) -> None:
        write_whole(self._state, json.dumps({n: asdict(p) for n, p in processes.items()}))

    def _await_ready(self, processes: Mapping[str, Process], ports: Mapping[str, int]) -> None:
        waiting = dict(ports)

        def settled() -> bool:
            for name in [name for name, port in waiting.items() if _is_ready(port)]:
                del waiting[name]
            return not waiting or not all(p.alive for p in processes.values())

        wait_until(settled, START_TIMEOUT_S)
        dead = [name for name, process in processes.items() if not process.alive]
        if dead:
            raise StartFailed(f"{dead[0]} ended at once:\n{log_tail(self._log(dead[0]))}")
        if waiting:
            silent = ", ".join(f"{name} on port {port}" for name, port in waiting.items())
            logs = log_tail(*map(self._log, waiting))
            raise StartFailed(f"not ready within {START_TIMEOUT_S:g} s: {silent}\n{logs}")


def patchbay(settings: Mapping[str, str], *arguments: str) -> str:
    """Run a patchbay command to its end and return what it printed."""
    environment = {**os.environ, **settings}
    done = subprocess.run(
        _command(*arguments), env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise StartFailed(done.stderr.strip() or f"patchbay {' '.join(arguments)} failed")
    return done.stdout


def _commands(health_ports: tuple[int, int]) -> dict[str, list[str]]:
    """Return how each service is started, by its name."""
    router, notifier = (["--health-port", str(port)] for port in health_ports)
    options = {"intake": [], "router": router, "notifier": notifier}
    return {name: _command(name, *given) for name, given in options.items()}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services.cli", *arguments]


def _ports(settings: Mapping[str, str], health_ports: tuple[int, int]) -> dict[str, int]:
    """Return where each service answers whether it is ready, by its name."""
    router, notifier = health_ports
    return {"intake": int(settings["PATCHBAY_PORT"]), "router": router, "notifier": notifier}


def _differing(process: Process, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return in what a process was started otherwise, as proc(5) tells; empty if in nothing."""
    folder = PROC / str(process.pid)
    try:
        arguments = os.fsdecode((folder / "cmdline").read_bytes()).split("\0")[1:-1]
        lines = os.fsdecode((folder / "environ").read_bytes()).split("\0")
    except OSError as error:
        raise StartFailed(f"how process {process.pid} was started is not known: {error}") from None
    had = _settings(line.partition("=")[::2] for line in lines)
    wanted = _settings(environment.items())
    names = sorted(n for n in had.keys() | wanted.keys() if had.get(n) != wanted.get(n))
    return ", ".join(names if arguments == list(command[1:]) else [*names, "--health-port"])


def _settings(variables: Iterable[Sequence[str]]) -> dict[str, str]:
    return {name: value for name, value in variables if name.startswith("PATCHBAY_")}


def _is_ready(port: int) -> bool:
    # A proxy of the environment is for what is far away.
    direct = build_opener(ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False
