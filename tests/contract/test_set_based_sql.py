"""Upserts, and parameters that are joined as a table: the same on both databases."""

from datetime import timedelta

from sqlalchemy import Integer, Text, select, update

from shared.db.engine import Database
from shared.db.models import Lease, OutboxEntry, Requirement
from shared.db.models.base import table
from shared.db.types import UTCDateTime
from shared.domain.work import WorkState
from tests.factories import NOW, outbox_entry
from tests.rows import rows

OUTBOX = table(OutboxEntry)


def test_an_upsert_changes_only_the_columns_it_names(database: Database) -> None:
    requirements = table(Requirement)
    row = {
        "signature": "network|vpn:2",
        "need": {"team": "network", "skills": [["vpn", 2]]},
        "work_state": WorkState.IDLE,
        "available_at": NOW,
        "attempts": 0,
        "last_error": "old",
    }
    later = {**row, "work_state": WorkState.READY, "attempts": 5, "last_error": "new"}
    statement = database.dialect.upsert(requirements, ("signature",), ("work_state",))
    for values in (row, later):
        with database.transaction() as tx:
            tx.execute(statement, values)
    assert rows(database, Requirement) == [{**row, "work_state": WorkState.READY}]


def test_an_upsert_without_columns_leaves_what_is_there(database: Database) -> None:
    leases = table(Lease)
    statement = database.dialect.upsert(leases, ("name",), ())
    for holder in ("first", "second"):
        with database.transaction() as tx:
            tx.execute(statement, {"name": "n", "holder": holder, "expires_at": NOW})
    assert rows(database, Lease)[0]["holder"] == "first"


def test_parameters_can_be_joined_as_a_table(database: Database) -> None:
    wanted = database.dialect.rows_as_table("wanted", {"id": Text(), "weight": Integer()})
    given = [{"id": "a'\"\\", "weight": 2}, {"id": "🙂", "weight": -1}, {"id": "", "weight": 0}]
    with database.transaction() as tx:
        parameters = database.dialect.rows_parameters("wanted", given)
        found = tx.execute(select(wanted.c.id, wanted.c.weight), parameters).mappings()
        assert sorted(found, key=lambda row: row["weight"]) == sorted(
            given, key=lambda row: row["weight"]
        )
        empty = database.dialect.rows_parameters("wanted", [])
        assert tx.execute(select(wanted.c.id), empty).all() == []


def test_moments_in_a_table_of_parameters_are_moments(database: Database) -> None:
    """Compared with, and written to, a column of moments."""
    entry = outbox_entry(available_at=NOW - timedelta(hours=1))
    with database.transaction() as tx:
        tx.insert(OUTBOX, [entry])
    wanted = database.dialect.rows_as_table("wanted", {"id": Text(), "due": UTCDateTime()})
    later = NOW + timedelta(microseconds=1)
    parameters = database.dialect.rows_parameters("wanted", [{"id": entry["id"], "due": later}])
    same, earlier = wanted.c.id == OUTBOX.c.id, OUTBOX.c.available_at < wanted.c.due
    with database.transaction() as tx:
        found = tx.execute(select(OUTBOX.c.id, wanted.c.due).where(same, earlier), parameters)
        assert found.one() == (entry["id"], later)
        change = update(OUTBOX).where(same, earlier).values(available_at=wanted.c.due)
        tx.execute(change, parameters)
    assert rows(database, OutboxEntry) == [{**entry, "available_at": later}]
    with database.reading() as connection:
        due = select(OUTBOX.c.id).where(OUTBOX.c.available_at <= NOW)
        assert connection.execute(due).all() == []
