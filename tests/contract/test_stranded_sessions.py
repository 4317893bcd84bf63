"""Whoever stands still in the middle of a trip to PostgreSQL loses the session, and nobody else."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from shared.db.engine import Database
from shared.db.models import OutboxEntry
from shared.db.models.base import table
from shared.db.stranded import end_stranded
from tests.factories import outbox_entry
from tests.fixtures.modes import Mode
from tests.rows import rows
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("mode", ["distributed"], indirect=True)

OUTBOX = table(OutboxEntry)
AT_ONCE = timedelta(0)


@pytest.fixture(autouse=True)
def entry(database: Database) -> None:
    """A row to be held."""
    with database.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry()])


@pytest.fixture
def another(mode: Mode, database: Database) -> Iterator[Database]:
    """The same database, as another process has it."""
    with closing(Database(mode.database_url, 1)) as other:
        yield other


def waiting_for(database: Database, event: str, application: str = "patchbay") -> bool:
    """Whether a session is at work and waits for its client to send, or to take, something."""
    query = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = :application AND state = 'active' AND wait_event = :event)"
    )
    with database.reading() as connection:
        given = {"application": application, "event": event}
        return bool(connection.execute(query, given).scalar_one())


def test_a_session_that_waits_for_the_rest_of_a_trip_is_ended_with_its_locks(
    database: Database, another: Database
) -> None:
    with another.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        trip = ExitStack()
        trip.enter_context(driver.pipeline())
        driver.execute(f"UPDATE {OUTBOX.name} SET attempts = 7")
        eventually(lambda: waiting_for(database, "ClientRead"))
        assert end_stranded(database) == 0
        eventually(lambda: end_stranded(database, AT_ONCE) == 1)
        [row] = rows(database, OutboxEntry)
        with database.transaction() as tx:
            tx.update(OUTBOX, [{"id": row["id"], "attempts": 1}])
        with pytest.raises(psycopg.OperationalError):
            trip.close()
        connection.invalidate()
    assert [row["attempts"] for row in rows(database, OutboxEntry)] == [1]
    # Its process goes on by another.
    assert len(rows(another, OutboxEntry)) == 1


def test_a_session_whose_answer_nobody_takes_is_ended_with_its_locks(
    database: Database, another: Database
) -> None:
    with another.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.pgconn.send_query(b"BEGIN")
        assert driver.pgconn.get_result() is not None
        assert driver.pgconn.get_result() is None
        long = f"SELECT repeat('x', 100000000) FROM {OUTBOX.name} FOR UPDATE"
        driver.pgconn.send_query(long.encode())
        eventually(lambda: waiting_for(database, "ClientWrite"))
        assert end_stranded(database) == 0
        assert end_stranded(database, AT_ONCE) == 1
        connection.invalidate()
    [row] = rows(database, OutboxEntry)
    with database.transaction() as tx:
        tx.update(OUTBOX, [{"id": row["id"], "attempts": 1}])


def test_a_session_that_is_not_ours_is_left_alone(mode: Mode, database: Database) -> None:
    url = mode.database_url.replace("+psycopg", "")
    with psycopg.connect(url, application_name="psql") as theirs:
        with theirs.pipeline():
            theirs.execute(f"UPDATE {OUTBOX.name} SET attempts = 7")
            eventually(lambda: waiting_for(database, "ClientRead", "psql"))
            assert end_stranded(database, AT_ONCE) == 0
        theirs.commit()
    assert [row["attempts"] for row in rows(database, OutboxEntry)] == [7]


def test_sessions_that_work_or_rest_in_a_transaction_are_left_alone(
    database: Database, another: Database, mode: Mode
) -> None:
    with closing(Database(mode.database_url, 1)) as third, another.engine.connect() as resting:
        resting.exec_driver_sql("SELECT 1")

        def work() -> None:
            with third.reading() as connection:
                connection.exec_driver_sql("SELECT pg_sleep(1)")

        working = threading.Thread(target=work)
        working.start()
        while working.is_alive():
            assert end_stranded(database, AT_ONCE) == 0
        working.join()
        assert resting.exec_driver_sql("SELECT 2").scalar_one() == 2


def test_a_session_whose_long_statement_just_ended_is_left_alone(
    database: Database, mode: Mode
) -> None:
    longer_than_allowed = timedelta(seconds=0.1)

    def work() -> None:
        with closing(Database(mode.database_url, 1)) as own, own.transaction() as tx:
            for _ in range(20):
                tx.connection.exec_driver_sql("SELECT pg_sleep(0.11)")

    with ThreadPoolExecutor(16) as pool:
        working = [pool.submit(work) for _ in range(16)]
        while not all(each.done() for each in working):
            assert end_stranded(database, longer_than_allowed) == 0
        for each in working:
            each.result()
