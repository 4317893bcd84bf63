"""Where a proof runs: a new database and queues of its own, beside those of the installation.

What is made here has a name that begins with `patchbay_chaos_` and a chance number; nothing of
another name is ever written to or deleted.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError

from services.chaos.errors import ChaosError
from services.chaos.leftovers import Leftovers
from shared.db.engine import Database
from shared.domain.errors import Unavailable
from shared.messaging.own_queues import delete_queues, try_queues
from shared.ports import choose_port
from shared.settings import PREFIX, Settings

#: Of SQLSTATE: what a role may not do. (PostgreSQL, appendix A.)
_NOT_ALLOWED = "42501"
#: Connections to the copy: of each process, and of whoever runs the proof.
POOL_SIZE, OWN_POOL_SIZE = 3, 2
#: Says which database a connection goes to, whatever the rest of the URL says.
_DATABASE = "dbname"


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that a desk of its own needs; `environment` is that of its processes."""

    name: str
    folder: Path
    database_url: str
    distributed: bool
    environment: Mapping[str, str]

    @property
    def port(self) -> int:
        """Where its API listens."""
        return int(self.environment["PATCHBAY_PORT"])

    @property
    def outbox(self) -> Path:
        """Where its mail is written to."""
        return self.folder / "outbox"


@contextmanager
def new_folder(left: Leftovers) -> Iterator[Path]:
    """Make a folder for all files of a proof, and delete it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="patchbay-chaos-"))
    try:
        yield folder
    finally:
        with left.noting(f"The folder {folder} is left; delete it"):
            shutil.rmtree(folder)


@contextmanager
def new_place(settings: Settings, folder: Path, name: str, left: Leftovers) -> Iterator[Place]:
    """Make a place of the same kind as the installation's; take it away at the end.

    Raises ChaosError, with the way out, if a right is missing for it. What cannot be taken away is
    noted in `left`.
    """
    distributed = settings.broker_url.startswith("amqp")
    with ExitStack() as stack:
        if make_url(settings.database_url).get_backend_name() == "sqlite":
            database_url = f"sqlite:///{folder / name}.db"
        else:
            database_url = url_of_copy(settings.database_url, name)
            stack.enter_context(_new_database(settings.database_url, name, left))
        if distributed:
            stack.enter_context(_own_queues(settings.broker_url, f"{name}.", left))
        environment = _environment(folder, database_url)
        if distributed:
            environment["PATCHBAY_QUEUE_PREFIX"] = f"{name}."
        else:
            environment["PATCHBAY_BROKER_URL"] = "memory://"
        yield Place(name, folder, database_url, distributed, environment)


def _environment(folder: Path, database_url: str) -> dict[str, str]:
    """Return this process' environment, whose settings are the installation's, led elsewhere."""
    return {
        **os.environ,
        **{
            PREFIX + name: value
            for name, value in {
                "DATABASE_URL": database_url,
                "DATABASE_POOL_SIZE": str(POOL_SIZE),
                "DATA_DIR": str(folder),
                "HOST": "127.0.0.1",
                "PORT": str(choose_port()),
                "PUBLIC_URL": "",
                "EMAIL_URL": f"file:{folder / 'outbox'}",
                "EMAIL_ALERTS_TO": "",
                "EMAIL_DOMAIN_RATE_PER_S": "0",
                "STORAGE_URL": f"file:{folder / 'attachments'}",
                "CLAMD_URL": "off",
                "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
                # What a killed notifier had in hand rests until its lease ends, by this.
                "WEBHOOK_TIMEOUT_S": "2",
                "READ_LIMIT_PER_MINUTE": "0",
                "WRITE_LIMIT_PER_MINUTE": "0",
                "FAILPOINTS": "",
                "TRACING": "off",
                "LOG_FORMAT": "json",
                "LOG_LEVEL": "INFO",
            }.items()
        },
    }


def url_of_copy(url: str, name: str) -> str:
    """Return the URL of another database on the same server.

    A `dbname` in the query outranks the one in the path, so it has to go. A `service` may stay, and
    with it host and password: what a URL says outranks what a service file says (libpq, "The
    Connection Service File").
    """
    other: URL = make_url(url).difference_update_query([_DATABASE]).set(database=name)
    return other.render_as_string(hide_password=False)


def require_own(database: Database, name: str) -> None:
    """Raise ChaosError unless a connection leads to the database of this name.

    A proxy may lead it elsewhere: PgBouncer knows databases by a list, and one for all others.
    """
    if database.engine.dialect.name == "sqlite":
        return
    with database.reading() as connection:
        found = connection.exec_driver_sql("SELECT current_database()").scalar_one()
    if found != name:
        message = (
            f"What asks for database {name} is led to {found}; nothing was written. "
            "Set PATCHBAY_DATABASE_URL to the server itself, without a pooler in between."
        )
        raise ChaosError(message)


@contextmanager
def _new_database(url: str, name: str, left: Leftovers) -> Iterator[None]:
    """Make a database on the server of another, and drop it at the end."""
    # Unless the server has said no: whoever interrupts it does not know whether it is there.
    made = True
    try:
        try:
            _order(url, f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        except DBAPIError as error:
            made = error.connection_invalidated
            if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
                raise
            user = make_url(url).username
            message = (
                f"The role {user} may make no database for the copy; as a superuser: "
                f"ALTER ROLE {user} CREATEDB"
            )
            raise ChaosError(message) from error
        yield
    finally:
        drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
        if made:
            with left.noting(f"The database {name} is left; on its server: {drop}"):
                _order(url, drop)


def _order(url: str, statement: str) -> None:
    """Run a statement that has to be alone, and may wait for a checkpoint, on a new connection.

    No connection to the installation's database stays open while the proof runs.
    """
    live = Database(url, 1)
    try:
        alone = live.engine.execution_options(isolation_level="AUTOCOMMIT")
        with alone.connect() as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text(statement))
    finally:
        live.close()


@contextmanager
def _own_queues(url: str, prefix: str, left: Leftovers) -> Iterator[None]:
    try:
        try_queues(url, prefix)
    except Unavailable as error:
        message = f"{error} The broker's user needs the right to configure {prefix}*."
        raise ChaosError(message) from error
    try:
        yield
    finally:
        with left.noting(f"Queues named {prefix}… may be left; delete them"):
            delete_queues(url, prefix)
