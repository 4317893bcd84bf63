"""Baselines of the pipeline: three empty tasks in a row, over the same RabbitMQ."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.servers import Servers
from shared.waiting import wait_until
from tests.bench.desk import Figures

PROCESSES = 2
#: Messages that pass before the clock runs.
FIRST = 400
#: A chain that has done nothing for so many seconds does nothing more.
STANDS_S = 20.0
#: How long a worker may take to stop, in seconds.
STOP_S = 60.0


def dramatiq(servers: Servers, turn: int, messages: int, folder: Path) -> Figures:
    """Dramatiq, with publisher confirms."""
    command = _program("baseline_chain", servers, f"chain_confirmed_{turn}", folder)
    return {"dramatiq_chain_per_s": _rate_of_all(command, command, PROCESSES, messages)}


def dramatiq_unconfirmed(servers: Servers, messages: int, folder: Path) -> Figures:
    """Dramatiq without confirms: what does not get to the broker is lost unnoticed, and counted."""
    command = _program("baseline_chain", servers, "chain_unconfirmed", folder, "--no-confirms")
    rate, lost = _measure(command, command, PROCESSES, messages)
    return {"unconfirmed_chain_per_s": rate, "unconfirmed_chain_lost": lost}


def celery(servers: Servers, messages: int, folder: Path) -> Figures:
    """Celery with acks_late and confirms, as many processes (one worker that forks them)."""
    command = _program("baseline_celery", servers, "chain_celery", folder)
    worker = [*command, "--processes", str(PROCESSES)]
    return {"celery_chain_per_s": _rate_of_all(command, worker, 1, messages)}


def _program(
    name: str, servers: Servers, vhost: str, folder: Path, *options: str
) -> tuple[str, ...]:
    done = folder / f"{vhost}.done"
    done.unlink(missing_ok=True)
    url = servers.rabbitmq.create_vhost(vhost)
    return (sys.executable, "-m", f"tests.bench.{name}", url, str(done), *options)


def _rate_of_all(feed: Sequence[str], work: Sequence[str], workers: int, messages: int) -> float:
    rate, lost = _measure(feed, work, workers, messages)
    if lost:
        raise RuntimeError(f"{lost} messages never came out of the chain")
    return rate


def _measure(
    feed: Sequence[str], work: Sequence[str], workers: int, messages: int
) -> tuple[float, int]:
    """Return messages a second, from the first that is sent to the last done, and the lost ones.

    Those are lost that have not come when the chain has stood still for long.
    """
    done = Path(feed[4])
    with done.with_suffix(".log").open("wb") as log:
        running = [subprocess.Popen(work, stdout=log, stderr=log) for _ in range(workers)]
    try:
        _feed(feed, FIRST)
        first, _ = _when_done(done, FIRST)
        began = _feed(feed, messages)
        all_, ended = _when_done(done, first + messages)
        if all_ <= first:
            raise RuntimeError(f"the chain stands still: {done.with_suffix('.log')} says why")
        return (all_ - first) / (ended - began), FIRST + messages - all_
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


def _when_done(done: Path, count: int) -> tuple[int, float]:
    """Wait for so many messages; return how many came, and the Unix time of the last."""
    while not wait_until(lambda: done.stat().st_size >= count, STANDS_S):
        if time.time() - done.stat().st_mtime >= STANDS_S:
            break
    found = done.stat()
    return found.st_size, found.st_mtime
