"""Both databases do the same with the same calls."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shared.db import ticket_changes
from shared.db.engine import Database
from shared.db.models import OutboxEntry, Skill, Subscription, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.domain.ticket import Channel, TicketStatus
from shared.domain.work import WorkState
from tests.factories import NOW, outbox_entry, subscription, ticket_content
from tests.rows import rows
from tests.waiting import in_threads

OUTBOX = table(OutboxEntry)


def insert(database: Database, model: Any, *given: dict[str, Any]) -> None:
    with database.transaction() as tx:
        tx.insert(table(model), given)


def test_what_is_inserted_is_read_back_with_its_types(database: Database) -> None:
    entries = [
        outbox_entry(rank=rank, last_error=error) for rank, error in ((0, None), (3, "é🙂'"))
    ]
    insert(database, OutboxEntry, *entries)
    assert rows(database, OutboxEntry) == entries
    [first, _] = rows(database, OutboxEntry)
    assert first["work_state"] is WorkState.READY
    assert first["available_at"].tzinfo is not None


def test_what_tells_of_a_transaction_is_called_once_it_is_committed_and_never_if_not(
    database: Database,
) -> None:
    told: list[int] = []
    with database.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry()])
        tx.once_committed(lambda: told.append(len(rows(database, OutboxEntry))))

    def fail() -> None:
        with database.transaction() as tx:
            tx.once_committed(lambda: told.append(-1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert told == [1]


def test_json_columns_keep_structure_text_and_null(database: Database) -> None:
    document = {"a": [1, 2.5, None, True, "ключ'\"\\"], "b": {"c": {}}}
    content = ticket_content(custom_fields=document, tags=["x", "y"])
    with database.transaction() as tx:
        ticket_changes.create(tx, [NewTicket(content, "test", "req_1")], NOW)
    [ticket] = rows(database, Ticket)
    assert ticket["custom_fields"] == document
    assert ticket["tags"] == ["x", "y"]
    assert ticket["resolution"] is None
    with database.reading() as connection:
        unresolved = select(table(Ticket).c.id).where(table(Ticket).c.resolution.is_(None))
        assert connection.execute(unresolved).scalar_one() == ticket["id"]


def test_enums_are_written_as_their_values_and_read_as_members(database: Database) -> None:
    content = ticket_content(channel="phone")
    with database.transaction() as tx:
        ticket_changes.create(tx, [NewTicket(content, "test", "req_1")], NOW)
    with database.reading() as connection:
        raw = connection.exec_driver_sql("SELECT channel, status FROM tickets").one()
    assert tuple(raw) == ("phone", "new")
    [ticket] = rows(database, Ticket)
    assert (ticket["channel"], ticket["status"]) == (Channel.PHONE, TicketStatus.NEW)
    assert isinstance(ticket["channel"], Channel)


def test_moments_keep_their_microseconds_and_come_back_in_utc(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    insert(database, OutboxEntry, outbox_entry(available_at=elsewhere))
    [row] = rows(database, OutboxEntry)
    assert row["available_at"] == NOW
    assert row["available_at"].utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 -- the point
    with pytest.raises(Exception, match="time zone"), database.transaction() as tx:
        tx.execute(OUTBOX.insert().values(outbox_entry(available_at=naive)))


def test_moments_compare_in_the_database_as_in_python(database: Database) -> None:
    moments = [NOW + timedelta(microseconds=n) for n in (0, 1, 999_999, 1_000_000)]
    moments.append(NOW.replace(microsecond=0))
    insert(database, OutboxEntry, *(outbox_entry(available_at=moment) for moment in moments))
    with database.reading() as connection:
        query = select(OUTBOX.c.available_at).order_by(OUTBOX.c.available_at)
        assert list(connection.execute(query).scalars()) == sorted(moments)
        before = query.where(OUTBOX.c.available_at <= NOW)
        assert len(list(connection.execute(before))) == 2


def test_updates_change_the_named_columns_of_the_named_rows(database: Database) -> None:
    first, second, third = entries = [outbox_entry() for _ in range(3)]
    insert(database, OutboxEntry, *entries)
    with database.transaction() as tx:
        changed = [
            {"id": first["id"], "rank": 7, "last_error": "x", "work_state": WorkState.DEAD},
            {"id": third["id"], "rank": 9, "last_error": None, "work_state": WorkState.READY},
            {"id": "evt_nobody", "rank": 9, "last_error": None, "work_state": WorkState.READY},
        ]
        tx.update(OUTBOX, changed)
    expected = [
        {**first, "rank": 7, "last_error": "x", "work_state": WorkState.DEAD},
        second,
        {**third, "rank": 9},
    ]
    assert rows(database, OutboxEntry) == expected


def test_an_update_by_two_columns_needs_both_to_match(database: Database) -> None:
    entry = outbox_entry(sequence=4)
    insert(database, OutboxEntry, entry)
    for sequence, rank in ((5, 1), (4, 2)):
        with database.transaction() as tx:
            row = {"id": entry["id"], "sequence": sequence, "rank": rank}
            tx.update(OUTBOX, [row], key=("id", "sequence"))
    assert rows(database, OutboxEntry)[0]["rank"] == 2


def test_deletes_take_the_named_rows(database: Database) -> None:
    entries = [outbox_entry() for _ in range(3)]
    insert(database, OutboxEntry, *entries)
    with database.transaction() as tx:
        tx.delete(OUTBOX, [entries[0]["id"], entries[2]["id"], "evt_nobody"])
    assert rows(database, OutboxEntry) == [entries[1]]


def test_writes_are_seen_by_the_next_read_of_the_same_transaction(database: Database) -> None:
    entry = outbox_entry()
    with database.transaction() as tx:
        tx.insert(OUTBOX, [entry])
        assert [row["id"] for row in tx.rows(select(OUTBOX))] == [entry["id"]]
        tx.delete(OUTBOX, [entry["id"]])
        assert tx.first(select(OUTBOX)) is None


def test_nothing_to_write_is_nothing_to_do(database: Database) -> None:
    with database.transaction() as tx:
        tx.insert(OUTBOX, [])
        tx.update(OUTBOX, [])
        tx.delete(OUTBOX, [])
    assert rows(database, OutboxEntry) == []


@pytest.mark.parametrize("sent", [True, False], ids=["after it was sent", "before it was sent"])
def test_an_error_inside_a_transaction_undoes_all_of_it(database: Database, sent: bool) -> None:  # noqa: FBT001
    with pytest.raises(RuntimeError), database.transaction() as tx:  # noqa: PT012
        tx.insert(OUTBOX, [outbox_entry()])
        if sent:
            tx.rows(select(OUTBOX))
        raise RuntimeError
    assert rows(database, OutboxEntry) == []


def test_a_violated_constraint_undoes_the_transaction_and_says_what_it_is(
    database: Database,
) -> None:
    entry = outbox_entry()
    insert(database, OutboxEntry, entry)
    with pytest.raises(IntegrityError), database.transaction() as tx:
        tx.insert(OUTBOX, [outbox_entry(), entry])
    with pytest.raises(IntegrityError), database.transaction() as tx:  # noqa: PT012
        tx.insert(OUTBOX, [outbox_entry()])
        tx.insert(OUTBOX, [outbox_entry(), entry])
        tx.rows(select(OUTBOX))
    assert rows(database, OutboxEntry) == [entry]
    insert(database, OutboxEntry, outbox_entry())
    assert len(rows(database, OutboxEntry)) == 2


def test_ticket_numbers_rise_and_are_never_given_twice(database: Database) -> None:
    def create(index: int) -> list[int]:
        with database.transaction() as tx:
            numbers = database.dialect.next_ticket_numbers(tx.connection, 3)
            # People of their own: two who make the same one at once would have to begin again.
            content = ticket_content(requester={"email": f"e{index}@example.com"})
            ticket_changes.create(tx, [NewTicket(content, "test", "req_1")], NOW)
        return numbers[:1]

    assert all(in_threads(8, create))
    numbers = [row["number"] for row in rows(database, Ticket)]
    assert len(set(numbers)) == 8


def test_a_batch_of_hundreds_of_rows_is_one_insert_and_one_update(database: Database) -> None:
    entries = [outbox_entry(rank=number % 4) for number in range(700)]
    insert(database, OutboxEntry, *entries)
    with database.transaction() as tx:
        tx.update(OUTBOX, [{"id": entry["id"], "attempts": 3} for entry in entries])
    assert rows(database, OutboxEntry) == [{**entry, "attempts": 3} for entry in entries]


def test_booleans_and_lists_are_kept(database: Database) -> None:
    given = subscription(enabled=False, event_types=["ticket.created"])
    insert(database, Subscription, given)
    assert rows(database, Subscription) == [given]


def test_a_reading_connection_writes_nothing_it_did_not_say(database: Database) -> None:
    with database.reading() as connection:
        assert connection.execute(select(table(Skill))).all() == []


def test_readers_are_not_held_up_by_a_writer(database: Database) -> None:
    entry = outbox_entry()
    with database.transaction() as tx:
        tx.insert(OUTBOX, [entry])
        tx.rows(select(OUTBOX))
        assert rows(database, OutboxEntry) == []
    assert rows(database, OutboxEntry) == [entry]
