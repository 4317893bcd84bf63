"""A lease has one holder at a time, on both databases."""

from datetime import timedelta

from shared.db import leases
from shared.db.engine import Database
from tests.factories import NOW
from tests.waiting import in_threads

TEN = timedelta(seconds=10)


def acquire(database: Database, holder: str, after_s: int = 0) -> bool:
    return leases.acquire(database, "timers", holder, NOW + timedelta(seconds=after_s), TEN)


def test_the_first_comer_has_it_and_may_renew_it(database: Database) -> None:
    assert acquire(database, "a")
    assert not acquire(database, "b", after_s=9)
    assert acquire(database, "a", after_s=9)
    assert not acquire(database, "b", after_s=18)


def test_another_takes_it_when_it_has_ended(database: Database) -> None:
    assert acquire(database, "a")
    assert acquire(database, "b", after_s=10)
    assert not acquire(database, "a", after_s=11)


def test_who_gives_it_back_need_not_be_waited_for(database: Database) -> None:
    assert acquire(database, "a")
    leases.release(database, "timers", "b", NOW)
    assert not acquire(database, "b", after_s=1)
    leases.release(database, "timers", "a", NOW + timedelta(seconds=1))
    assert acquire(database, "b", after_s=1)


def test_names_are_independent(database: Database) -> None:
    assert acquire(database, "a")
    assert leases.acquire(database, "other", "b", NOW, TEN)


def test_of_many_at_once_one_gets_it(database: Database) -> None:
    assert sum(in_threads(8, lambda index: acquire(database, f"holder-{index}"))) == 1
    later = in_threads(8, lambda index: acquire(database, f"holder-{index}", after_s=20))
    assert sum(later) == 1
