"""A private PostgreSQL: one cluster, trusted on loopback, with durable settings."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql

from deploy.local.accounts import Account, own_directory, unprivileged_account
from deploy.local.errors import StartFailed
from deploy.local.logs import log_tail
from deploy.local.processes import kill_all, processes_working_in
from deploy.local.programs import postgres_programs
from deploy.local.server import LocalServer
from deploy.local.state import SERVER
from shared.ports import LOOPBACK

SUPERUSER = "patchbay"
MAINTENANCE_DATABASE = "postgres"
CONNECT_TIMEOUT_S = 5
# sockaddr_un.sun_path holds 108 bytes with its terminating zero (unix(7)).
LONGEST_SOCKET_PATH = 107

# Everything else is PostgreSQL's default. The first three are too: they are the promises that
# Patchbay's own durability rests on, and stand here so that nobody turns them off unnoticed. Shared
# memory lies in the data directory: of a server that is killed nothing stays in /dev/shm.
SETTINGS = """\
fsync = on
synchronous_commit = on
full_page_writes = on
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 128MB
dynamic_shared_memory_type = mmap
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
"""


class Postgres(LocalServer):
    """A PostgreSQL server of its own; see ``LocalServer`` for its life cycle.

    Root cannot run it, so root's servers run as an unprivileged account, and their data lies
    outside ``directory`` if that account cannot reach it.
    """

    name: ClassVar[str] = "PostgreSQL"
    port_roles: ClassVar[tuple[str, ...]] = ("postgres",)
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database, whether it exists or not."""
        return f"postgresql+psycopg://{SUPERUSER}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create a database unless it exists; returns its SQLAlchemy URL."""
        # UniqueViolation is how a simultaneous creation shows.
        already = suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)
        with self._connect() as connection, already:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    @property
    def _logs(self) -> tuple[Path, ...]:
        return (self.directory / "postgres.log",)

    def _launch(self) -> None:
        account = unprivileged_account()
        home = self._home(account)
        data = home / "data"
        if not data.is_dir():
            self._initialise(data, account)
        _clear_crash(data)
        (data / "postgresql.conf").write_text(self._settings(home))
        programs = postgres_programs((data / "PG_VERSION").read_text().strip())
        command = account.command(programs / "postgres", "-D", data)
        self._spawn(SERVER, command, self._logs[0], _environment())

    def _ready(self) -> bool:
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            dbname=MAINTENANCE_DATABASE,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
        )

    def _home(self, account: Account) -> Path:
        """The directory of data and socket, chosen at the first start and then remembered."""
        state = self._state
        if state.data_directory is not None and Path(state.data_directory).is_dir():
            return Path(state.data_directory)
        home = own_directory(self.directory / "home", account)
        self._save(replace(state, data_directory=str(home)))
        return home

    def _initialise(self, data: Path, account: Account) -> None:
        """Make the cluster beside its place and move it there: half a cluster never counts."""
        draft = data.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        with self._logs[0].open("ab") as log:
            done = subprocess.run(
                account.command(
                    postgres_programs() / "initdb",
                    f"--pgdata={draft}",
                    f"--username={SUPERUSER}",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C",
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
                cwd="/",
                check=False,
            )
        if done.returncode != 0:
            raise StartFailed(f"initdb failed with {done.returncode}\n{log_tail(*self._logs)}")
        draft.rename(data)

    def _settings(self, home: Path) -> str:
        socket_path = home / f".s.PGSQL.{self.port}"
        fits = len(os.fsencode(socket_path)) <= LONGEST_SOCKET_PATH
        directories = str(home).replace("'", "''") if fits else ""
        return f"{SETTINGS}port = {self.port}\nunix_socket_directories = '{directories}'\n"


def _clear_crash(data: Path) -> None:
    """Remove what a crashed server left behind and a new one would take for a live server.

    Orphaned backends hold the shared memory. The lock files name a pid that may exist again, or
    still: that of a zombie which nobody has collected.
    """
    kill_all(processes_working_in(data))
    for lock in (data / "postmaster.pid", *data.parent.glob(".s.PGSQL.*")):
        lock.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """The caller's environment without PG*, which would redirect the programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
