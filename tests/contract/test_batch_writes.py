"""A batch arrives as it was given, whatever its rows have in common."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import UpdateBase, and_, bindparam, delete, insert, update
from sqlalchemy.exc import DBAPIError

from shared.db import ticket_changes
from shared.db.dialects import Dialect
from shared.db.dialects.row_transport import text_array
from shared.db.engine import Database
from shared.db.models import OutboxEntry, Requester, TicketEvent
from shared.db.models.base import table
from shared.db.requesters.resolve import new_row
from shared.db.ticket_changes import NewTicket
from tests.factories import NOW, outbox_entry, ticket_content
from tests.rows import rows
from tests.trips import counted

OUTBOX, REQUESTERS, EVENTS = table(OutboxEntry), table(Requester), table(TicketEvent)


def requester(**values: Any) -> dict[str, Any]:
    return new_row({"name": "Mira Petrova", **values}, NOW)


def test_documents_that_are_equal_and_not_the_same_stay_apart(database: Database) -> None:
    """1, true and 1.0 are equal in Python, and are not in JSON."""
    given = [requester(custom_fields={"vip": value}) for value in (1, True, 1.5, None, 1)]
    with database.transaction() as tx:
        tx.insert(REQUESTERS, given)
    found = [row["custom_fields"]["vip"] for row in rows(database, Requester)]
    assert [json.dumps(value) for value in found] == ["1", "true", "1.5", "null", "1"]


def test_what_all_rows_have_and_what_only_some_have_is_kept(database: Database) -> None:
    shared = {"seats": [250, None, "ключ'\"\\"]}
    given = [
        requester(custom_fields=shared, locale=locale, phone=None) for locale in ("en", None, "ru")
    ]
    with database.transaction() as tx:
        tx.insert(REQUESTERS, given)
    assert rows(database, Requester) == given
    later = NOW + timedelta(seconds=1)
    changes = [
        {"id": row["id"], "locale": locale, "name": None, "updated_at": later}
        for row, locale in zip(given, (None, "pt", "ru"), strict=True)
    ]
    with database.transaction() as tx:
        tx.update(REQUESTERS, changes)
    assert rows(database, Requester) == [
        row | change for row, change in zip(given, changes, strict=True)
    ]


def test_one_row_alone_is_written_like_many(database: Database) -> None:
    entry = outbox_entry(rank=2, last_error="é🙂'")
    with database.transaction() as tx:
        tx.insert(OUTBOX, [entry])
        tx.update(OUTBOX, [{"id": entry["id"], "rank": 7, "last_error": None}])
    assert rows(database, OutboxEntry) == [{**entry, "rank": 7, "last_error": None}]


@pytest.mark.parametrize(
    "text", ["", "é🙂ключ", "quotes ' \" \\ {a,b} NULL", "\t\r\n\x01\x7f", "x" * 100_000]
)
def test_long_texts_arrive_letter_by_letter(database: Database, text: str) -> None:
    content = [ticket_content(description=each) for each in (text, "short", text)]
    with database.transaction() as tx:
        ticket_changes.create(tx, [NewTicket(each, "test", "req_1") for each in content], NOW)
    told = [json.loads(row["body"])["data"]["ticket"] for row in rows(database, TicketEvent)]
    assert [ticket["description"] for ticket in told] == [text, "short", text]


def test_an_update_may_change_long_texts_alone(database: Database) -> None:
    content = [ticket_content(), ticket_content()]
    with database.transaction() as tx:
        ticket_changes.create(tx, [NewTicket(each, "test", "req_1") for each in content], NOW)
    given = rows(database, TicketEvent)
    with database.transaction() as tx:
        tx.update(EVENTS, [{"id": row["id"], "body": f"{row['id']} é"} for row in given])
    assert rows(database, TicketEvent) == [{**row, "body": f"{row['id']} é"} for row in given]


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_an_array_of_texts_may_have_gaps(database: Database) -> None:
    given = ["", None, "{}", "null", "é"]
    with database.reading() as connection:
        driver: Any = connection.connection.driver_connection
        [(found,)] = driver.execute("SELECT %s", [text_array(given)]).fetchall()
    assert found == given


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_a_text_that_postgresql_cannot_hold_is_refused_with_its_batch(database: Database) -> None:
    content = [{**ticket_content(), "description": text} for text in ("good", "bad\0")]
    with pytest.raises(DBAPIError), database.transaction() as tx:
        ticket_changes.create(tx, [NewTicket(each, "test", "req_1") for each in content], NOW)
    assert rows(database, TicketEvent) == []


def test_a_statement_travels_with_the_writes_before_and_after_it(database: Database) -> None:
    """In the order in which they were given, with moments and words, given and constant."""
    columns, words = OUTBOX.c, {"last_error": "it's 100 % done"}

    def resting(_: Dialect) -> UpdateBase:
        due = and_(columns.available_at <= bindparam("now"), columns.available_at >= NOW)
        rest = update(OUTBOX).where(due, columns.rank == bindparam("lane"))
        return rest.values(available_at=bindparam("later"), **words)

    entries = [outbox_entry(rank=rank) for rank in (1, 2)]
    later = NOW + timedelta(minutes=1)
    with counted(database) as trips, database.transaction() as tx:
        tx.insert(OUTBOX, entries)
        tx.write(resting, {"now": NOW, "later": later, "lane": 2})
        tx.update(OUTBOX, [{"id": entries[1]["id"], "rank": 7}])
    rest = "UPDATE event_outbox SET"
    assert (trips.queries, trips.sent) == ([], [["INSERT INTO event_outbox", rest, rest]])
    with database.transaction() as tx:
        tx.write(resting, {"now": NOW, "later": NOW, "lane": 3})
    rested = {**entries[1], "rank": 7, "available_at": later, **words}
    assert rows(database, OutboxEntry) == [entries[0], rested]


def test_documents_and_constants_of_a_statement_are_written_like_those_of_a_batch(
    database: Database,
) -> None:
    def moved(_: Dialect) -> UpdateBase:
        return update(REQUESTERS).values(custom_fields=bindparam("fields"), updated_at=NOW)

    given = requester(custom_fields={}, updated_at=NOW - timedelta(days=1))
    fields = {"seats": [250, None, "ключ'"], "vip": True}
    with database.transaction() as tx:
        tx.insert(REQUESTERS, [given])
        tx.write(moved, {"fields": fields})
    assert rows(database, Requester) == [{**given, "custom_fields": fields, "updated_at": NOW}]


def _in_a_list(_: Dialect) -> UpdateBase:
    return delete(OUTBOX).where(OUTBOX.c.id.in_(["evt_1", "evt_2"]))


def _with_defaults(_: Dialect) -> UpdateBase:
    return insert(OUTBOX).values(id="evt_1")


@pytest.mark.parametrize("build", [_in_a_list, _with_defaults])
def test_a_statement_that_only_sqlalchemy_can_complete_is_refused(
    database: Database, build: Callable[[Dialect], UpdateBase]
) -> None:
    with pytest.raises(TypeError, match="only"), database.transaction() as tx:
        tx.write(build, {})


def test_a_second_batch_builds_no_statement(database: Database) -> None:
    built: list[str] = []

    def all_rest(_: Dialect) -> UpdateBase:
        built.append("once")
        return update(OUTBOX).values(available_at=bindparam("later"))

    for _ in range(2):
        with database.transaction() as tx:
            tx.write(all_rest, {"later": NOW})
    assert built == ["once"]
