"""A whole desk under proof: database, processes and receivers of webhooks."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Generic, TypeVar

from services.chaos.client import Client
from services.chaos.errors import ChaosError
from services.chaos.facts import SOON, Facts, read_facts, unfinished
from services.chaos.service_process import ServiceProcess
from shared.db.engine import Database
from shared.domain.clock import SystemClock
from shared.domain.errors import Unavailable

#: The processes that speak HTTP.
HTTP = frozenset({"serve", "intake"})

P = TypeVar("P", bound=ServiceProcess)


class ProvenDesk(Generic[P]):
    """Running processes on a database of their own.

    `soon` is within which time what is due by the clock alone counts as work that is left;
    `pool_size` how many connections to the database this process has at most.
    """

    def __init__(
        self,
        database_url: str,
        port: int,
        token: str,
        processes: Mapping[str, P],
        soon: timedelta = SOON,
        pool_size: int = 10,
    ) -> None:
        self.processes = processes
        self.database_url = database_url
        self._database = Database(database_url, pool_size)
        self._port = port
        self._token = token
        self._soon = soon
        self._over = threading.Event()

    @property
    def port(self) -> int:
        """Where the API is."""
        return self._port

    def client(self) -> Client:
        """Return a client with a connection of its own."""
        return Client(self._port, self._token, self._over)

    @contextmanager
    def running(self, receivers: AbstractContextManager[object]) -> Iterator[None]:
        """Start everything, with the receivers first; stop everything at the end."""
        with receivers:
            try:
                for process in self.processes.values():
                    process.launch()
                for process in self.processes.values():
                    process.await_ready()
                yield
            finally:
                try:
                    self._stop()
                finally:
                    self._database.close()

    def _stop(self) -> None:
        """Stop every process, also if one of them does not want to; raises its ChaosError."""
        failures = []
        for process in self.processes.values():
            try:
                process.stop()
            except ChaosError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def restart(self, name: str) -> None:
        """Start a killed process again and wait until it is ready."""
        self.processes[name].launch()
        self.processes[name].await_ready()

    @property
    def answers(self) -> bool:
        """Whether the process lives that speaks HTTP."""
        return not any(self.processes[name].ended for name in HTTP & self.processes.keys())

    def hang_up(self) -> None:
        """Let no client wait any more for an answer to what is under way."""
        self._over.set()

    def abandon(self) -> None:
        """End everything at once: nobody waits any more for what is under way."""
        self.hang_up()
        for process in self.processes.values():
            process.kill()

    def left(self) -> dict[str, int]:
        """Return what is left to do, by list; a database that is away is the first thing.

        As of one moment: between two looks, work moves from a list to one that was looked at.
        """
        try:
            with self._database.snapshot() as connection:
                return unfinished(connection, SystemClock().now(), self._soon)
        except Unavailable:
            return {"database away": 1}

    def facts(self) -> Facts:
        """Return what the database says."""
        return read_facts(self._database, soon=self._soon)

    def crashes(self) -> Counter[str]:
        """Return the errors that the processes did not expect, by log event."""
        return sum((process.crashes() for process in self.processes.values()), Counter())
