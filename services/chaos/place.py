"""Where a proof runs: a new database and queues of its own, beside those of the installation.

What is made here has a name that begins with `patchbay_chaos_` and a chance number; nothing of
another name is ever written to or deleted.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from services.chaos.errors import ChaosError
from services.chaos.ports import choose_port
from shared.db.engine import Database
from shared.domain.errors import Unavailable
from shared.messaging.own_queues import delete_queues, try_queues
from shared.settings import PREFIX, Settings

#: Of SQLSTATE: what a role may not do. (PostgreSQL, appendix A.)
_NOT_ALLOWED = "42501"


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
def new_place(settings: Settings, folder: Path) -> Iterator[Place]:
    """Make a place of the same kind as the installation's; take it away at the end.

    Raises ChaosError, with the way out, if a right is missing for it.
    """
    name = f"patchbay_chaos_{secrets.token_hex(6)}"
    distributed = settings.broker_url.startswith("amqp")
    with ExitStack() as stack:
        if make_url(settings.database_url).get_backend_name() == "sqlite":
            database_url = f"sqlite:///{folder / name}.db"
        else:
            database_url = stack.enter_context(_new_database(settings.database_url, name))
        if distributed:
            stack.enter_context(_own_queues(settings.broker_url, f"{name}."))
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


@contextmanager
def _new_database(url: str, name: str) -> Iterator[str]:
    """Make a database on the server of another, and drop it at the end."""
    user = make_url(url).username
    make = f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"
    with closing(Database(url, 1)) as live:
        alone = live.engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with alone.connect() as connection:
                connection.execute(text(make))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
                raise
            message = (
                f"The role {user} may make no database for the copy; as a superuser: "
                f"ALTER ROLE {user} CREATEDB"
            )
            raise ChaosError(message) from error
        # No connection to the installation's database stays open while the proof runs.
        live.engine.dispose()
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            with alone.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@contextmanager
def _own_queues(url: str, prefix: str) -> Iterator[None]:
    try:
        try_queues(url, prefix)
    except Unavailable as error:
        message = f"{error} The broker's user needs the right to configure {prefix}*."
        raise ChaosError(message) from error
    try:
        yield
    finally:
        delete_queues(url, prefix)
