"""The feed has no gap: what commits late never appears behind a reader's back."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from random import Random

import pytest
from sqlalchemy import text

from shared.db import feed, schema
from shared.db.engine import Database
from shared.db.feed import Position
from shared.runtime import Runtime
from tests.factories import NOW
from tests.feed import Follower, create, settled, touch
from tests.fixtures.modes import Mode
from tests.waiting import eventually

WRITERS, CHANGES, READERS = 8, 25, 3


@pytest.fixture
def postgresql(distributed: Mode) -> Iterator[Database]:
    made = Database(distributed.database_url)
    yield made
    made.close()


def test_what_commits_first_waits_for_what_began_before_it(postgresql: Database) -> None:
    reader = Follower(postgresql)
    with postgresql.transaction() as early:
        first = create(early)
        with postgresql.transaction() as late:
            second = create(late)
        assert reader.read() == []
    assert reader.all() == [(first, 1), (second, 1)]


def test_a_change_by_an_older_transaction_comes_after_the_change_it_saw(
    postgresql: Database,
) -> None:
    with postgresql.transaction() as tx:
        ticket = create(tx)
    reader = Follower(postgresql)
    assert reader.all() == [(ticket, 1)]
    with postgresql.transaction() as older:
        # Gets its number by something else, as one that reserves agents first.
        older.execute(text("SELECT pg_current_xact_id()"))
        with postgresql.transaction() as newer:
            touch(newer, ticket)
        touch(older, ticket)
        touch(older, ticket)
        assert reader.read() == []
    assert reader.all() == [(ticket, 2), (ticket, 3), (ticket, 4)]


def test_a_transaction_that_is_rolled_back_leaves_no_hole(postgresql: Database) -> None:
    reader = Follower(postgresql)
    kept: list[str] = []

    def fail() -> None:
        with postgresql.transaction() as lost:
            create(lost)
            with postgresql.transaction() as other:
                kept.append(create(other))
            assert reader.read() == []
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert reader.all() == [(kept[0], 1)]


def test_what_is_held_back_is_measured(postgresql: Database) -> None:
    def lag_s() -> float:
        with postgresql.reading() as connection:
            return feed.lag_s(connection, postgresql.dialect, NOW)

    with postgresql.transaction() as open_one:
        create(open_one)
        with postgresql.transaction() as done:
            create(done)
        with postgresql.reading() as connection:
            later = NOW.replace(hour=13)
            assert feed.lag_s(connection, postgresql.dialect, later) == 3600
    settled(postgresql)
    assert lag_s() == 0


def test_a_restored_dump_goes_on_after_its_newest_event(postgresql: Database) -> None:
    with postgresql.transaction() as tx:
        old = create(tx)
        tx.execute(text("UPDATE ticket_events SET feed_key = feed_key + 1000000000"))
    reader = Follower(postgresql)
    assert reader.read() == []
    try:
        schema.migrate(postgresql)
        assert reader.all() == [(old, 1)]
        with postgresql.transaction() as tx:
            new = create(tx)
            touch(tx, old)
        assert sorted(reader.all()) == sorted([(new, 1), (old, 2)])
    finally:
        with postgresql.engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION feed_offset() RETURNS bigint LANGUAGE sql STABLE "
                "PARALLEL SAFE AS 'SELECT 0::bigint'"
            )


def test_the_newest_place_is_behind_all_there_is(database: Database) -> None:
    with database.transaction() as tx:
        create(tx)
    settled(database)
    reader = Follower(database)
    with database.reading() as connection:
        reader.position = feed.latest(connection, database.dialect)
    assert reader.read() == []
    with database.transaction() as tx:
        ticket = create(tx)
    assert reader.all() == [(ticket, 1)]


def test_a_page_of_one_ticket_and_certain_types_tells_where_to_read_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SCANNED", 3)
    with database.transaction() as tx:
        ticket, other = create(tx), create(tx)
        for _ in range(4):
            touch(tx, ticket)
            touch(tx, other)
    settled(database)
    with database.reading() as connection:
        end, found, pages = Position(-1), [], 0
        more = True
        while more:
            page = feed.read(
                connection,
                database.dialect,
                end,
                2,
                types={"ticket.updated"},
                ticket_id=ticket,
            )
            found += [event.position.sequence for event in page.events]
            end, more, pages = page.end, page.more, pages + 1
    assert found == [2, 3, 4, 5]
    assert pages > 1


def test_readers_beside_many_writers_see_every_event_once_and_in_order(
    runtime: Runtime, new_runtime: Callable[..., Runtime]
) -> None:
    databases = [runtime.database, new_runtime().database]
    with databases[0].transaction() as tx:
        shared = [create(tx) for _ in range(5)]
    finished = threading.Event()
    errors: list[BaseException] = []

    def write(number: int) -> None:
        random, pause = Random(number), threading.Event()
        database = databases[number % 2]
        for _ in range(CHANGES):
            with database.transaction() as tx:
                if random.random() < 0.5:
                    own = create(tx)
                    pause.wait(random.random() * 0.01)
                    touch(tx, own)
                pause.wait(random.random() * 0.01)
                touch(tx, random.choice(shared))
                pause.wait(random.random() * 0.01)

    def follow(reader: Follower) -> None:
        while not finished.is_set():
            reader.read()

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 -- raised again below
            errors.append(error)

    readers = [Follower(databases[n % 2], limit=3 + n) for n in range(READERS)]
    writing = [
        threading.Thread(target=guarded, args=(lambda n=n: write(n),)) for n in range(WRITERS)
    ]
    reading = [threading.Thread(target=guarded, args=(lambda r=r: follow(r),)) for r in readers]
    for thread in writing + reading:
        thread.start()
    for thread in writing:
        thread.join()
    finished.set()
    for thread in reading:
        thread.join()
    assert errors == []
    whole = Follower(databases[0], limit=1000)
    whole.all()
    expected = Counter(whole.names())
    with databases[0].reading() as connection:
        stored = connection.execute(text("SELECT count(*) FROM ticket_events")).scalar_one()
    assert stored == len(expected) == len(whole.events)
    for reader in readers:
        eventually(lambda r=reader: r.read() or len(r.events) >= stored)
        assert Counter(reader.names()) == expected
        assert reader.names() == whole.names()
        sequences = defaultdict(list)
        for ticket, sequence in reader.names():
            sequences[ticket].append(sequence)
        assert all(found == list(range(1, len(found) + 1)) for found in sequences.values())
