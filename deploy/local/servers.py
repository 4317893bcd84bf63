"""Both servers of a checkout, started and stopped together."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.server import LocalServer


class Servers:
    """PostgreSQL and RabbitMQ below one directory.

    As a context manager it starts both, and at the end stops those that it found stopped::

        with Servers(Path("var/servers")) as servers:
            url = servers.postgres.create_database("patchbay")
    """

    def __init__(self, directory: Path) -> None:
        """Stand for the servers in ``directory``, running or not."""
        self.postgres = Postgres(directory / "postgres")
        self.rabbitmq = RabbitMQ(directory / "rabbitmq")
        self._started: list[LocalServer] = []

    def __iter__(self) -> Iterator[LocalServer]:
        """PostgreSQL, then RabbitMQ."""
        yield self.postgres
        yield self.rabbitmq

    def start(self) -> None:
        """Start those that do not run, at the same time; if one fails, stop the other again.

        Raises what the first failure raised.
        """
        stopped = [server for server in self if not server.running]
        self._started.extend(stopped)
        try:
            _at_once(server.start for server in stopped)
        except BaseException:
            _at_once(server.stop for server in stopped)
            raise

    def stop(self) -> None:
        """Stop both, at the same time."""
        _at_once(server.stop for server in self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _at_once(server.stop for server in self._started)
        self._started.clear()


def _at_once(actions: Iterable[Callable[[], None]]) -> None:
    """Run each action in its own thread, wait for all, raise the first failure."""
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(action) for action in actions]
    for future in futures:
        future.result()
