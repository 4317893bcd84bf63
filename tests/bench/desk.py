"""An installation to measure: private servers, a fresh database, real processes."""

import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

from deploy.local.servers import Servers
from deploy.local.services import patchbay
from shared.ports import choose_port
from shared.waiting import wait_until

Figures = dict[str, Any]

AGENTS = 20
AGENT_CAPACITY = 10_000
PATIENCE_S = 120.0


@dataclass
class Desk:
    """Processes by name, and the settings they run with."""

    servers: Servers
    settings: dict[str, str]
    token: str
    api: str
    receiver_port: int
    processes: dict[str, psutil.Process] = field(default_factory=dict)
    #: How the receiver is asked; by TLS it has a certificate of its own.
    scheme: str = "http"

    def start(self, name: str, *command: str) -> None:
        """Start a Python process of ours."""
        environment = {**os.environ, **self.settings}
        child = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL
        )
        self.processes[name] = psutil.Process(child.pid)

    def stop(self, *names: str) -> None:
        """Stop processes."""
        stopping = [self.processes.pop(name) for name in names or list(self.processes)]
        for process in stopping:
            process.terminate()
        _, alive = psutil.wait_procs(stopping, timeout=40)
        for process in alive:
            process.kill()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API."""
        request = Request(
            self.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def ask_receiver(self, path: str) -> Any:
        """Ask the receiver what it got."""
        url = f"{self.scheme}://127.0.0.1:{self.receiver_port}{path}"
        with urlopen(url, timeout=60, context=self._trusting()) as answer:
            return json.load(answer)

    def wait_for_webhooks(self, count: int) -> bool:
        """Wait until so many different webhooks came."""
        return self.wait(lambda: self._arrived() >= count)

    def wait(self, fact: Callable[[], bool]) -> bool:
        """Wait until something is true, or patience ends."""
        return wait_until(fact, PATIENCE_S)

    def load(self, connections: int, requests: int, rate: float = 0.0) -> dict[str, Any]:
        """Run the load generator and return its figures; RuntimeError if a request was refused."""
        extra = {"team": "network", "required_skills": [{"skill": "vpn", "level": 2}]}
        url = f"{self.api}/v1/tickets"
        return run_load(url, self.token, connections, requests, extra, rate)

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds used so far by each process with its children, and the servers."""
        roots = {
            **self.processes,
            "postgresql": psutil.Process(self.servers.postgres.pid),
            "rabbitmq": psutil.Process(self.servers.rabbitmq.pid),
        }
        return {name: _cpu_seconds(process) for name, process in roots.items()}

    def memory_mb(self) -> dict[str, float]:
        """Return the resident memory of each process with its children, in MiB."""
        return {
            name: sum(p.memory_info().rss for p in [root, *root.children(recursive=True)]) / 2**20
            for name, root in self.processes.items()
        }

    def _trusting(self) -> ssl.SSLContext | None:
        certificate = self.settings.get("SSL_CERT_FILE")
        return ssl.create_default_context(cafile=certificate) if certificate else None

    def _arrived(self) -> int:
        time.sleep(0.05)
        return int(self.ask_receiver("/count"))


@contextlib.contextmanager
def desk(servers: Servers, name: str) -> Iterator[Desk]:
    """Make a fresh database and vhost, and stop every process at the end."""
    urls = servers.postgres.create_database(name), servers.rabbitmq.create_vhost(name)
    with _desk(servers, *urls) as made:
        yield made


@contextlib.contextmanager
def embedded_desk(servers: Servers, folder: Path) -> Iterator[Desk]:
    """Make a fresh SQLite database in a folder, with the broker in memory; stop all at the end."""
    for old in folder.glob("embedded.db*"):
        old.unlink()
    with _desk(servers, f"sqlite:///{folder / 'embedded.db'}", "memory://") as made:
        made.settings["PATCHBAY_DATA_DIR"] = str(folder)
        yield made


@contextlib.contextmanager
def _desk(servers: Servers, database_url: str, broker_url: str) -> Iterator[Desk]:
    port, receiver_port = choose_port(), choose_port()
    settings = {
        "PATCHBAY_DATABASE_URL": database_url,
        "PATCHBAY_BROKER_URL": broker_url,
        "PATCHBAY_PORT": str(port),
        "PATCHBAY_EMAIL_URL": "off:",
        "PATCHBAY_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PATCHBAY_LOG_LEVEL": "WARNING",
    }
    patchbay(settings, "migrate")
    token = patchbay(settings, "keys", "create", "--name", "bench", "--scope", "*").strip()
    made = Desk(servers, settings, token, f"http://127.0.0.1:{port}", receiver_port)
    try:
        yield made
    finally:
        made.stop()


def start_intake(made: Desk, processes: int = 1) -> None:
    """Start intake and wait until it answers."""
    _start_http(made, "intake", "--processes", str(processes))


def start_serve(made: Desk) -> None:
    """Start everything in one process and wait until it answers."""
    _start_http(made, "serve")


def _start_http(made: Desk, command: str, *options: str) -> None:
    made.start(command, "-m", "services.cli", command, *options)
    if not wait_until(lambda: answers(f"{made.api}/readyz"), PATIENCE_S):
        raise RuntimeError(f"{command} does not answer")


def start_workers(made: Desk, *services: str, processes: int = 1) -> None:
    """Start workers, so many processes each; without names a router and a notifier."""
    for service in services or ("router", "notifier"):
        port = choose_port()
        options = ("--processes", str(processes), "--health-port", str(port))
        made.start(service, "-m", "services.cli", service, *options)
        if not wait_until(lambda p=port: answers(f"http://127.0.0.1:{p}/readyz"), PATIENCE_S):  # type: ignore[misc]
            raise RuntimeError(f"{service} does not answer")


def furnish(made: Desk) -> None:
    """Start the receiver, and hire."""
    made.start("receiver", "-m", "tests.bench.receiver", str(made.receiver_port))
    hire(made)


def hire(made: Desk) -> None:
    """Add a team, a skill, agents with plenty of room, and one subscription."""
    made.call("POST", "/v1/teams", {"name": "network"})
    made.call("POST", "/v1/skills", {"name": "vpn"})
    for number in range(AGENTS):
        made.call(
            "POST",
            "/v1/agents",
            {
                "name": f"Agent {number}",
                "email": f"agent{number}@example.com",
                "capacity": AGENT_CAPACITY,
                "presence": "online",
                "teams": ["network"],
                "skills": [{"skill": "vpn", "level": 1 + number % 4 + 1}],
            },
        )
    url = f"http://127.0.0.1:{made.receiver_port}/hook"
    made.call("POST", "/v1/webhooks", {"url": url, "event_types": ["ticket.assigned"]})


def run_load(
    url: str,
    token: str,
    connections: int,
    requests: int,
    extra: Mapping[str, Any],
    rate: float = 0.0,
    scheme: str = "Bearer",
) -> dict[str, Any]:
    """Run the load generator and return its figures; RuntimeError if a request was refused."""
    command = [sys.executable, "-m", "tests.bench.load", url, "--token", token]
    command += ["--connections", str(connections), "--requests", str(requests)]
    command += ["--rate", str(rate), "--extra", json.dumps(extra), "--scheme", scheme]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    if figures["failures"]:
        raise RuntimeError(f"requests were refused: {figures['failures']}")
    return figures


def answers(url: str) -> bool:
    """Tell whether a URL answers 200."""
    try:
        with urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def per_ticket_ms(
    before: dict[str, float], after: dict[str, float], tickets: int
) -> dict[str, float]:
    """Return the CPU milliseconds each process spent on a ticket."""
    return {name: (after[name] - before[name]) / tickets * 1000 for name in after if name in before}


def _cpu_seconds(root: psutil.Process) -> float:
    total = 0.0
    processes: Sequence[psutil.Process] = [root, *root.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    # Children that ended are counted with their parent.
    with contextlib.suppress(psutil.NoSuchProcess):
        ended = root.cpu_times()
        total += ended.children_user + ended.children_system
    return total
