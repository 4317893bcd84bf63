"""A database that is away, busy or hangs up is Unavailable, and is used again when it is back."""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from shared.db.engine import Database
from shared.db.models import OutboxEntry
from shared.db.models.base import table
from shared.domain.errors import Unavailable
from shared.domain.ids import Prefix, new_id
from tests.factories import outbox_entry
from tests.fixtures.modes import Mode
from tests.rows import rows

OUTBOX = table(OutboxEntry)


@pytest.fixture
def unreachable(mode: Mode, tmp_path: Path) -> Database:
    if mode.distributed:
        return Database("postgresql+psycopg://patchbay@127.0.0.1:1/patchbay")
    (tmp_path / "folder.db").mkdir()
    return Database(f"sqlite:///{tmp_path / 'folder.db'}")


def test_a_database_that_cannot_be_reached_is_unavailable(unreachable: Database) -> None:
    with pytest.raises(Unavailable), unreachable.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry()])
    with pytest.raises(Unavailable), unreachable.reading() as connection:
        connection.execute(select(OUTBOX))


def test_a_pool_that_is_used_up_is_unavailable_and_recovers(
    mode: Mode, new_runtime: Callable[..., Any], settings: Any
) -> None:
    if not mode.distributed:
        pytest.skip("SQLite's pool opens as many connections as are asked for")
    database = new_runtime(replace(settings, database_pool_size=1)).database
    database.engine.pool._timeout = 0.1
    with database.reading() as connection:
        connection.execute(select(OUTBOX))
        with pytest.raises(Unavailable, match="busy"), database.reading():
            pass
    with database.reading() as connection:
        assert connection.execute(select(OUTBOX)).all() == []


def test_a_connection_that_the_server_closed_is_replaced(mode: Mode, database: Database) -> None:
    if not mode.distributed:
        pytest.skip("nobody closes the connections of SQLite")
    with pytest.raises(Unavailable), database.transaction() as tx:  # noqa: PT012
        pid = tx.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        killer = Database(database.url)
        with killer.reading() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        killer.close()
        tx.insert(OUTBOX, [outbox_entry()])
    with database.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry(id=new_id(Prefix.EVENT))])
    assert len(rows(database, OutboxEntry)) == 1


def test_a_pooled_connection_that_died_is_unavailable_once(
    mode: Mode, new_runtime: Callable[..., Any], settings: Any
) -> None:
    if not mode.distributed:
        pytest.skip("the connections of SQLite do not die")
    database = new_runtime(replace(settings, database_pool_size=1)).database
    with database.reading() as connection:
        driver: Any = connection.connection.driver_connection
    driver.pgconn.finish()
    with pytest.raises(Unavailable), database.reading() as connection:
        connection.execute(select(OUTBOX))
    with database.reading() as connection:
        assert connection.execute(select(OUTBOX)).all() == []


def test_a_server_that_went_away_without_a_word_is_given_up_within_half_a_minute(
    mode: Mode, database: Database
) -> None:
    if not mode.distributed:
        pytest.skip("SQLite has no server")
    with database.reading() as connection:
        driver: Any = connection.connection.driver_connection
        with socket.socket(fileno=os.dup(driver.pgconn.socket)) as tcp:
            option = tcp.getsockopt
            idle = option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            probes = option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) * option(
                socket.IPPROTO_TCP, socket.TCP_KEEPCNT
            )
            assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert idle + probes == 30
            assert option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
