"""The servers of a run: private, empty, and with the moments of commits noted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.servers import Servers
from shared.db.engine import Database


@contextmanager
def fresh_servers(directory: Path) -> Iterator[Servers]:
    """Start both servers without data, and remove them afterwards.

    After a failure they are stopped and stay where they are, with their logs, until the next run.
    """
    servers = Servers(directory)
    if directory.exists():
        _remove(servers)
    with servers:
        _note_commits(servers)
        yield servers
    _remove(servers)


def _remove(servers: Servers) -> None:
    for server in servers:
        if server.directory.exists():
            server.remove()


def _note_commits(servers: Servers) -> None:
    """Let PostgreSQL note the moments of commits; it has to be started again for that."""
    database = Database(servers.postgres.url("postgres"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ALTER SYSTEM SET track_commit_timestamp = on")
    database.close()
    servers.postgres.restart()
