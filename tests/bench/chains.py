"""Baselines of the pipeline: three empty tasks in a row, over the same RabbitMQ."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.servers import Servers
from shared.waiting import wait_until
from tests.bench.desk import PATIENCE_S, Figures

PROCESSES = 2
#: Messages that pass before the clock runs.
FIRST = 400
#: How long a worker may take to stop, in seconds.
STOP_S = 60.0


def dramatiq(servers: Servers, turn: int, messages: int, folder: Path) -> Figures:
    """Dramatiq, with publisher confirms."""
    command = _program("baseline_chain", servers, f"chain_confirmed_{turn}", folder)
    return {"dramatiq_chain_per_s": _measure(command, command, PROCESSES, messages)}


def dramatiq_unconfirmed(servers: Servers, messages: int, folder: Path) -> Figures:
    """Dramatiq without confirms: a message that the broker did not take is lost unnoticed."""
    command = _program("baseline_chain", servers, "chain_unconfirmed", folder, "--no-confirms")
    return {"unconfirmed_chain_per_s": _measure(command, command, PROCESSES, messages)}


def celery(servers: Servers, messages: int, folder: Path) -> Figures:
    """Celery with acks_late and confirms, as many processes (one worker that forks them)."""
    command = _program("baseline_celery", servers, "chain_celery", folder)
    worker = [*command, "--processes", str(PROCESSES)]
    return {"celery_chain_per_s": _measure(command, worker, 1, messages)}


def _program(
    name: str, servers: Servers, vhost: str, folder: Path, *options: str
) -> tuple[str, ...]:
    done = folder / f"{vhost}.done"
    done.unlink(missing_ok=True)
    url = servers.rabbitmq.create_vhost(vhost)
    return (sys.executable, "-m", f"tests.bench.{name}", url, str(done), *options)


def _measure(feed: Sequence[str], work: Sequence[str], workers: int, messages: int) -> float:
    """Return messages a second through the chain, from the first that is sent to the last done."""
    done = Path(feed[4])
    with done.with_suffix(".log").open("wb") as log:
        running = [subprocess.Popen(work, stdout=log, stderr=log) for _ in range(workers)]
    try:
        _feed(feed, FIRST)
        _await(done, FIRST)
        began = _feed(feed, messages)
        _await(done, FIRST + messages)
        return messages / (time.time() - began)
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            try:
                worker.wait(STOP_S)
            except subprocess.TimeoutExpired:
                worker.kill()


def _feed(feed: Sequence[str], messages: int) -> float:
    """Send so many messages; return when the first was sent, in Unix time."""
    command = [*feed, "--send", str(messages)]
    sent = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(sent.stdout)


def _await(done: Path, count: int) -> None:
    if not wait_until(lambda: done.exists() and done.stat().st_size >= count, PATIENCE_S):
        raise RuntimeError("the chain did not finish")
