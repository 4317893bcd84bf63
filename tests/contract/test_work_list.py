"""Work lists behave the same on both databases: claim, fail, lease, settle, redrive."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.db.batch import run_batch
from shared.db.engine import Database, Transaction
from shared.db.models import Delivery, OutboxEntry
from shared.db.models.base import table
from shared.db.work_list import MAX_ERROR_CHARS
from shared.db.work_lists import DELIVERIES_DUE, EVENTS_TO_FAN_OUT
from shared.domain.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.domain.work import HANDLER_BACKOFF, WorkState
from tests.factories import NOW, delivery, outbox_entry
from tests.fixtures.modes import Mode
from tests.rows import rows
from tests.waiting import in_threads

LIST = EVENTS_TO_FAN_OUT
SECOND = timedelta(seconds=1)


def add(database: Database, *entries: dict[str, Any]) -> list[str]:
    with database.transaction() as tx:
        tx.insert(table(OutboxEntry), entries)
    return [entry["id"] for entry in entries]


def add_delivery(database: Database) -> str:
    row = delivery()
    with database.transaction() as tx:
        tx.insert(table(Delivery), [row])
    return str(row["id"])


def claim(database: Database, limit: int = 100, **more: Any) -> list[str]:
    with database.transaction() as tx:
        return [row["id"] for row in LIST.claim(tx, NOW, limit, **more)]


def test_the_most_urgent_rows_come_first_then_the_oldest(database: Database) -> None:
    young_low, old_low, bulk, urgent = add(
        database,
        outbox_entry(rank=3),
        outbox_entry(rank=3, available_at=NOW - SECOND),
        outbox_entry(rank=10, available_at=NOW - 60 * SECOND),
        outbox_entry(rank=0),
    )
    assert claim(database) == [urgent, old_low, young_low, bulk]
    assert claim(database, 2) == [urgent, old_low]


def test_only_ready_rows_whose_time_has_come_are_claimed(database: Database) -> None:
    due, *_ = add(
        database,
        outbox_entry(),
        outbox_entry(available_at=NOW + timedelta(microseconds=1)),
        outbox_entry(work_state=WorkState.DEAD),
        outbox_entry(work_state=WorkState.DONE),
        outbox_entry(work_state=WorkState.WAITING),
    )
    assert claim(database) == [due]


def test_a_claim_can_be_narrowed_to_some_rows(database: Database) -> None:
    first, _, third = add(database, outbox_entry(), outbox_entry(), outbox_entry())
    assert sorted(claim(database, only=[first, third])) == sorted([first, third])
    assert claim(database, only=[]) == []


def test_two_transactions_never_hold_the_same_row(mode: Mode, database: Database) -> None:
    ids = add(database, *(outbox_entry() for _ in range(20)))
    if mode.distributed:
        with database.transaction() as one, database.transaction() as other:
            mine = {row["id"] for row in LIST.claim(one, NOW, 8)}
            theirs = {row["id"] for row in LIST.claim(other, NOW, 100)}
        assert (len(mine), len(theirs)) == (8, 12)
        assert mine | theirs == set(ids)

    def take(_: int) -> list[str]:
        taken = []
        for _ in range(20):
            with database.transaction() as tx:
                found = [row["id"] for row in LIST.claim(tx, NOW, 1)]
                tx.delete(LIST.table, found)
            taken += found
        return taken

    everything = [row_id for taken in in_threads(4, take) for row_id in taken]
    assert sorted(everything) == sorted(ids)


def test_a_claim_that_is_rolled_back_gives_its_rows_back(database: Database) -> None:
    ids = add(database, outbox_entry())
    with pytest.raises(RuntimeError), database.transaction() as tx:  # noqa: PT012
        LIST.claim(tx, NOW, 1)
        raise RuntimeError
    assert claim(database) == ids


def test_a_failed_row_rests_longer_each_time_and_then_is_dead(database: Database) -> None:
    add(database, outbox_entry())
    now = NOW
    for attempts, rest in enumerate([*HANDLER_BACKOFF, None], start=1):
        with database.transaction() as tx:
            [row] = LIST.claim(tx, now, 1)
            state = LIST.fail(tx, row, "KeyError: 'x'", now)
        [row] = rows(database, OutboxEntry)
        assert (row["attempts"], row["last_error"]) == (attempts, "KeyError: 'x'")
        assert row["work_state"] is state is (WorkState.DEAD if rest is None else WorkState.READY)
        if rest is not None:
            assert row["available_at"] == now + rest
            now += rest
    assert claim(database) == []


def test_a_long_error_is_cut(database: Database) -> None:
    add(database, outbox_entry())
    with database.transaction() as tx:
        [row] = LIST.claim(tx, NOW, 1)
        LIST.fail(tx, row, "é" * 10_000, NOW)
    assert rows(database, OutboxEntry)[0]["last_error"] == "é" * MAX_ERROR_CHARS


@pytest.mark.parametrize("state", [WorkState.DEAD, WorkState.UNKNOWN])
def test_a_dead_or_unknown_row_can_be_redriven_with_all_its_attempts(
    database: Database, state: WorkState
) -> None:
    dead, done = add(
        database,
        outbox_entry(work_state=state, attempts=6),
        outbox_entry(work_state=WorkState.DONE, attempts=2),
    )
    with database.transaction() as tx:
        assert LIST.redrive(tx, [dead, done], NOW) == 1
    by_id = {row["id"]: row for row in rows(database, OutboxEntry)}
    assert (by_id[dead]["work_state"], by_id[dead]["attempts"]) == (WorkState.READY, 0)
    assert by_id[done]["work_state"] is WorkState.DONE
    assert claim(database) == [dead]


def test_has_ready_and_next_due_tell_when_to_look(database: Database) -> None:
    def ask(at: Any) -> tuple[bool, Any]:
        with database.reading() as connection:
            return LIST.has_ready(connection, at), LIST.next_due(connection, at)

    assert ask(NOW) == (False, None)
    add(database, outbox_entry(available_at=NOW + 2 * SECOND))
    add(database, outbox_entry(available_at=NOW + 5 * SECOND))
    add(database, outbox_entry(available_at=NOW + SECOND, work_state=WorkState.DEAD))
    assert ask(NOW) == (False, NOW + 2 * SECOND)
    assert ask(NOW + 2 * SECOND) == (True, NOW + 5 * SECOND)
    assert ask(NOW + 5 * SECOND) == (True, None)


def lease(database: Database, at: Any = NOW) -> tuple[dict[str, Any], str]:
    with database.transaction() as tx:
        [row] = DELIVERIES_DUE.claim(tx, at, 1)
        return row, DELIVERIES_DUE.lease(tx, [row], at, 10 * SECOND)


def settle(database: Database, delivery_id: str, token: str, state: WorkState) -> None:
    with database.transaction() as tx:
        values = {"id": delivery_id, "lease_token": token, "work_state": state}
        DELIVERIES_DUE.settle(tx, [values])


def test_a_leased_row_is_nobody_elses_until_the_lease_ends(database: Database) -> None:
    delivery_id = add_delivery(database)
    _, token = lease(database)
    [row] = rows(database, Delivery)
    assert (row["lease_token"], row["attempts"]) == (token, 1)
    with database.transaction() as tx:
        assert DELIVERIES_DUE.claim(tx, NOW + 9 * SECOND, 1) == []
        [again] = DELIVERIES_DUE.claim(tx, NOW + 10 * SECOND, 1)
    assert again["id"] == delivery_id


def test_the_holder_of_the_lease_settles_it(database: Database) -> None:
    delivery_id = add_delivery(database)
    _, token = lease(database)
    settle(database, delivery_id, token, WorkState.DONE)
    assert rows(database, Delivery)[0]["work_state"] is WorkState.DONE


def test_whoever_comes_back_after_the_lease_passed_on_changes_nothing(database: Database) -> None:
    delivery_id = add_delivery(database)
    _, late = lease(database)
    _, present = lease(database, NOW + 11 * SECOND)
    settle(database, delivery_id, late, WorkState.DEAD)
    assert rows(database, Delivery)[0]["work_state"] is WorkState.READY
    settle(database, delivery_id, present, WorkState.DONE)
    settle(database, delivery_id, late, WorkState.DEAD)
    [row] = rows(database, Delivery)
    assert (row["work_state"], row["attempts"]) == (WorkState.DONE, 2)


Handler = Callable[[Transaction, Any], None]


def run(database: Database, handle: Handler, limit: int = 100) -> int:
    return run_batch(database, ManualClock(NOW), LIST, handle, limit)


def test_a_batch_is_handled_in_one_transaction(database: Database) -> None:
    add(database, *(outbox_entry() for _ in range(5)))
    seen: list[int] = []

    def handle(tx: Transaction, claimed: Any) -> None:
        seen.append(len(claimed))
        tx.delete(LIST.table, [row["id"] for row in claimed])

    assert run(database, handle, limit=3) == 3
    assert run(database, handle, limit=3) == 2
    assert run(database, handle, limit=3) == 0
    assert seen == [3, 2]


def test_the_bad_row_of_a_batch_fails_alone(database: Database) -> None:
    _, bad, _ = add(database, outbox_entry(), outbox_entry(), outbox_entry())

    def handle(tx: Transaction, claimed: Any) -> None:
        for row in claimed:
            tx.delete(LIST.table, [row["id"]])
            if row["id"] == bad:
                raise LookupError("no such thing")

    assert run(database, handle) == 3
    [left] = rows(database, OutboxEntry)
    assert (left["id"], left["attempts"], left["work_state"]) == (bad, 1, WorkState.READY)
    assert left["last_error"] == "LookupError: no such thing"
    assert left["available_at"] == NOW + HANDLER_BACKOFF[0]


def test_a_database_that_went_away_is_no_rows_fault(database: Database) -> None:
    entry = outbox_entry()
    add(database, entry)

    def handle(tx: Transaction, claimed: Any) -> None:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        run(database, handle)
    assert rows(database, OutboxEntry) == [entry]
