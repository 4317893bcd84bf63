"""Patchbay's own processes, started beside the private servers: distributed mode on one machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.request import urlopen

from deploy.local.errors import StartFailed
from deploy.local.launching import launch
from deploy.local.logs import log_tail
from deploy.local.processes import PROC, Process, kill_all
from services.chaos.ports import is_free
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
        Raises StartFailed, with the end of the log, and leaves running only what ran before; also
        if something runs with other settings than these.
        """
        commands, ports = _commands(health_ports), [int(settings["PATCHBAY_PORT"]), *health_ports]
        running = self.running
        for name, process in running.items():
            if other := _differing(process, commands[name], settings):
                raise StartFailed(f"{name} runs with another {other}; first stop it: make down")
        for name, port in zip(commands, ports, strict=True):
            if name not in running and not is_free(port):
                raise StartFailed(f"port {port} is taken, {name} cannot listen on it")
        self.directory.mkdir(parents=True, exist_ok=True)
        launched: dict[str, Process] = {}
        try:
            for name in [name for name in commands if name not in running]:
                log = self.directory / f"{name}.log"
                environment = {**os.environ, **settings}
                launched[name] = launch(commands[name], log, environment, Path.cwd())
                self._remember(running | launched)
            self._await_ready(running | launched, ports)
        except BaseException:
            kill_all(launched.values())
            raise

    def _remember(self, processes: Mapping[str, Process]) -> None:
        self._state.write_text(json.dumps({n: asdict(p) for n, p in processes.items()}))

    def _await_ready(self, processes: Mapping[str, Process], ports: Sequence[int]) -> None:
        def settled() -> bool:
            return not all(p.alive for p in processes.values()) or all(map(_is_ready, ports))

        in_time = wait_until(settled, START_TIMEOUT_S)
        for name, process in processes.items():
            if not process.alive:
                raise StartFailed(
                    f"{name} ended at once:\n{log_tail(self.directory / f'{name}.log')}"
                )
        if not in_time:
            silent = " ".join(str(port) for port in ports if not _is_ready(port))
            raise StartFailed(f"not ready within {START_TIMEOUT_S:g} s on port {silent}")

    def stop(self) -> list[str]:
        """Stop these processes, draining first; return the names of those that ran."""
        running = self.running
        for process in running.values():
            process.send(signal.SIGTERM)
        wait_until(lambda: not any(p.alive for p in running.values()), STOP_TIMEOUT_S)
        kill_all(running.values())
        self._state.unlink(missing_ok=True)
        return list(running)


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
    router, notifier = (
        ("--health-port", str(health_ports[0])),
        ("--health-port", str(health_ports[1])),
    )
    options = {"intake": (), "router": router, "notifier": notifier}
    return {name: _command(name, *given) for name, given in options.items()}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services.cli", *arguments]


def _differing(process: Process, command: Sequence[str], settings: Mapping[str, str]) -> str:
    """Return in what a running process was started otherwise (proc(5)); empty if in none."""
    folder = PROC / str(process.pid)
    arguments = os.fsdecode((folder / "cmdline").read_bytes()).split("\0")[1:-1]
    environment = os.fsdecode((folder / "environ").read_bytes()).split("\0")
    names = [name for name, value in settings.items() if f"{name}={value}" not in environment]
    return ", ".join(names if arguments == list(command[1:]) else [*names, "--health-port"])


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
