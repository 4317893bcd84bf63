"""One soak, from the empty desk to the proof: warm up, load, look every few seconds, check."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import psutil
from sqlalchemy import select

from deploy.local.errors import StartFailed
from deploy.local.servers import Servers
from deploy.local.services import patchbay
from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.domain.errors import PatchbayError
from shared.domain.ticket import TicketStatus
from tests.bench.desk import Desk, desk, hire, start_intake, start_workers
from tests.bench.soak.samples import sample
from tests.bench.soak.steadiness import Sample

#: How long the maximum is measured, how much of it is the load, and how often is looked, seconds.
WARM_UP_S, SHARE, LOOK_S = 30.0, 0.5, 5.0


def soak(servers: Servers, seconds: float, warm_up_s: float, say: Callable[[str], None]) -> Any:
    """Return what was seen: the rates, the samples, and what the history lacks (nothing).

    Of a soak that breaks off, what was seen until then, and its `failure`.
    """
    found: dict[str, Any] = {
        "maximum_per_s": 0.0,
        "rate_per_s": 0.0,
        "seconds": seconds,
        "tickets": 0,
        "lost": [],
        "sound": False,
        "curves": {"at": []},
    }
    try:
        _soak(servers, seconds, warm_up_s, say, found)
    except (OSError, RuntimeError, ValueError, PatchbayError, StartFailed, psutil.Error) as error:
        found["failure"] = f"{type(error).__name__}: {error}"
    except subprocess.SubprocessError as error:
        found["failure"] = f"the traffic broke off: {error}"
    return found


def _soak(
    servers: Servers,
    seconds: float,
    warm_up_s: float,
    say: Callable[[str], None],
    found: dict[str, Any],
) -> None:
    with desk(servers, "soak") as made:
        start_intake(made)
        hire(made)
        start_workers(made)
        say("warming up …")
        warm = _lives(made, warm_up_s)
        rate = warm["per_s"] * SHARE
        found |= {"maximum_per_s": warm["per_s"], "rate_per_s": rate}
        say(
            f"{warm['per_s']:.0f} lives of tickets a second at most; {rate:.0f} for {seconds:.0f} s"
        )
        database = Database(made.settings["PATCHBAY_DATABASE_URL"])
        looking = _Looking(made, database, say)
        try:
            with looking:
                both = [warm, _lives(made, seconds, rate)]
            found["tickets"] = sum(len(each["accepted"]) for each in both)
            found["lost"] = _lost(database, both)
        finally:
            found["curves"] = by_curve(looking.samples)
            database.close()
        found["sound"] = _sound(made)


def _lives(made: Desk, seconds: float, rate: float = 0.0) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.soak.traffic", made.api, "--token", made.token]
    command += ["--port", str(made.receiver_port), "--seconds", str(seconds), "--rate", str(rate)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _sound(made: Desk) -> bool:
    """Ask `patchbay verify`, which ends with an error if it finds anything."""
    try:
        patchbay(made.settings, "verify")
    except StartFailed:
        return False
    return True


def _lost(database: Database, runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return what clients and subscriber saw and the tables do not say, or the other way round."""
    accepted = {each for run in runs for each in run["accepted"]}
    told = {each for run in runs for each in run["told"]}
    closed = {each for run in runs for each in run["closed"]}
    query = select(table(Ticket).c.id, table(Ticket).c.status)
    with database.reading() as connection:
        stored = {row.id: row.status for row in connection.execute(query)}
    ended = {each for each, status in stored.items() if status is TicketStatus.CLOSED}
    refused = [f"{n} times {what}" for run in runs for what, n in run["refused"].items()]
    kinds = {
        "accepted and not stored": accepted - stored.keys(),
        "stored and not accepted": stored.keys() - accepted,
        "never told of": accepted - told,
        "closed by an answer and not in the table": closed - ended,
        "accepted and never closed": accepted - closed,
    }
    return [*refused, *(f"{len(which)} {what}" for what, which in kinds.items() if which)]


def by_curve(samples: Sequence[Sample]) -> dict[str, list[float | None]]:
    """Return a column for each curve, and `at`, the seconds; rounded, as a result is kept long."""
    names = dict.fromkeys(name for _, values in samples for name in values)
    columns: dict[str, list[float | None]] = {"at": [round(at, 1) for at, _ in samples]}
    for name in names:
        found = [values.get(name) for _, values in samples]
        columns[name] = [None if value is None else round(value, 2) for value in found]
    return columns


class _Looking:
    """Looks every few seconds beside the block, on a thread of its own."""

    def __init__(self, made: Desk, database: Database, say: Callable[[str], None]) -> None:
        self.samples: list[Sample] = []
        self._made, self._database, self._say = made, database, say
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looking")
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        began, number = time.monotonic(), 0
        try:
            while not self._over.wait(max(0.0, began + number * LOOK_S - time.monotonic())):
                found = sample(self._made, self._database)
                self.samples.append((time.monotonic() - began, found))
                if number % 12 == 0:
                    self._say(_in_words(time.monotonic() - began, found))
                number += 1
        except BaseException as failure:  # noqa: BLE001 -- raised again where it is awaited
            self._failure = failure


def _in_words(at: float, found: dict[str, float]) -> str:
    memory = ", ".join(
        f"{name} {found[f'memory_mb/{name}']:.0f} MiB" for name in ("intake", "router", "notifier")
    )
    return f"{at:5.0f} s: {found['tickets/made']:.0f} tickets, {memory}"
