"""Patchbay's own processes, started beside the private servers: distributed mode on one machine."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from deploy.local.errors import StartFailed
from deploy.local.launching import launch
from deploy.local.processes import Process, kill_all
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
        self,
        settings: Mapping[str, str],
        ready_url: str,
        health_ports: tuple[int, int] = HEALTH_PORTS,
    ) -> None:
        """Start what does not run, with these PATCHBAY_ settings, and wait until it is ready.

        Relative paths in settings are of the current directory. Raises StartFailed with the end of
        the log.
        """
        router_port, notifier_port = (str(port) for port in health_ports)
        commands = {
            "intake": ("intake",),
            "router": ("router", "--health-port", router_port),
            "notifier": ("notifier", "--health-port", notifier_port),
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **settings}
        running = self.running
        for name, arguments in commands.items():
            if name not in running:
                command = [sys.executable, "-m", "services.cli", *arguments]
                log = self.directory / f"{name}.log"
                running[name] = launch(command, log, environment, Path.cwd())
        self._state.write_text(json.dumps({n: asdict(p) for n, p in running.items()}))

        def ready() -> bool:
            dead = [name for name, process in running.items() if not process.alive]
            if dead:
                log = (self.directory / f"{dead[0]}.log").read_text()[-2000:]
                raise StartFailed(f"{dead[0]} ended at once:\n{log}")
            try:
                with urlopen(ready_url, timeout=1) as answer:  # noqa: S310 -- our own loopback URL
                    return bool(answer.status == 200)
            except (URLError, OSError):
                return False

        if not wait_until(ready, START_TIMEOUT_S):
            raise StartFailed(f"{ready_url} did not answer within {START_TIMEOUT_S:g} s")

    def stop(self) -> list[str]:
        """Stop these processes, draining first; return the names of those that ran."""
        running = self.running
        for process in running.values():
            os.kill(process.pid, 15)
        wait_until(lambda: not any(p.alive for p in running.values()), STOP_TIMEOUT_S)
        kill_all(running.values())
        self._state.unlink(missing_ok=True)
        return list(running)


def patchbay(settings: Mapping[str, str], *arguments: str) -> str:
    """Run a patchbay command to its end and return what it printed."""
    command = [sys.executable, "-m", "services.cli", *arguments]
    environment = {**os.environ, **settings}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise StartFailed(done.stderr.strip() or f"patchbay {' '.join(arguments)} failed")
    return done.stdout
