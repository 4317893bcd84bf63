"""Whoever stands still in the middle of a trip to PostgreSQL loses the session, and nobody else."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest

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


@pytest.fixture
def another(mode: Mode, database: Database) -> Iterator[Database]:
    """The same database, as another process has it."""
    with closing(Database(mode.database_url, 1)) as other:
        yield other


def test_a_session_that_waits_for_the_rest_of_a_trip_is_ended_with_its_locks(
    database: Database, another: Database
) -> None:
    with database.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry()])
    with another.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        trip = ExitStack()
        trip.enter_context(driver.pipeline())
        driver.execute(f"UPDATE {OUTBOX.name} SET attempts = 7")
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
