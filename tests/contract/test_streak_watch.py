"""Warnings and the end of a failing endpoint come at their time, however rarely it is tried."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notifier import bootstrap
from services.notifier.channels.base import Delivered, TemporaryFailure
from services.notifier.health.overdue import LONGEST_SILENCE
from services.notifier.streak_watch import StreakWatch
from shared.db.engine import Database
from shared.db.models import Delivery, Subscription
from shared.db.types import load_json
from shared.domain.endpoint_health import Health
from shared.domain.work import ListName, WorkState
from shared.runtime import Runtime
from tests.endpoints import Exchange, add_deliveries, add_endpoint, health, set_health
from tests.factories import NOW
from tests.rows import rows
from tests.waiting import in_threads

HOUR = timedelta(hours=1)
FAILED, TAKEN = TemporaryFailure("HTTP 500", 500), Delivered(200, "HTTP 200")


@pytest.fixture
def rung() -> Counter[ListName]:
    return Counter()


@pytest.fixture
def look(database: Database, rung: Counter[ListName]) -> Callable[[datetime], int]:
    return StreakWatch(database, lambda name: rung.update([name]), mail_enabled=True)


def failing(database: Database, since: datetime, last: datetime, failures: int = 5) -> str:
    """An endpoint that has been failing, with an event that is still on its way there."""
    endpoint = add_endpoint(database, owner_email="ops@example.com")
    add_deliveries(database, endpoint, attempts=1, last_error="HTTP 500")
    known = Health(
        failing_since=since, last_failure_at=last, failures=failures, last_error="HTTP 500"
    )
    set_health(database, endpoint, known)
    return endpoint


def told(database: Database, receiver: str = "ops@example.com") -> list[str]:
    found = [row for row in rows(database, Delivery) if row["receiver"] == receiver]
    found.sort(key=lambda row: row["created_at"])
    return [str(load_json(row["payload"])["type"]) for row in found]


def test_a_single_event_that_is_tried_rarely_brings_every_warning_in_time(
    database: Database, look: Callable[[datetime], int], rung: Counter[ListName]
) -> None:
    exchange = Exchange(database, mail_enabled=True)
    endpoint = add_endpoint(database, owner_email="ops@example.com")
    asked = add_endpoint(database, event_types=["webhook.failing"])
    add_deliveries(database, endpoint)
    warned: list[float] = []
    for quarter in range(4 * 76):
        now = NOW + quarter * HOUR / 4
        jobs = exchange.claim(now)
        ended = [(job, FAILED if job.receiver == endpoint else TAKEN) for job in jobs]
        exchange.record(ended, now)
        warned += [quarter / 4] * look(now)
    assert warned == [1, 24, 72], "not at the attempts after 2.6, 31.6 and 75.6 hours"
    assert told(database) == told(database, asked) == ["webhook.failing"] * 3
    assert rung == {ListName.WEBHOOK: 3, ListName.EMAIL: 3}
    assert health(database, endpoint).warned == 3


def test_after_five_days_an_endpoint_is_disabled_before_its_next_attempt(
    database: Database, look: Callable[[datetime], int]
) -> None:
    endpoint = failing(database, NOW, NOW + 110 * HOUR)
    assert look(NOW + 119 * HOUR) == 1
    assert look(NOW + 120 * HOUR) == 1
    assert look(NOW + 121 * HOUR) == 0
    [found] = rows(database, Subscription)
    assert (found["enabled"], found["disabled_at"]) == (False, NOW + 120 * HOUR)
    assert found["disabled_reason"].startswith("nothing got through since")
    assert told(database) == ["webhook.failing", "webhook.disabled"]
    waiting = [row for row in rows(database, Delivery) if row["receiver"] == endpoint]
    assert [row["work_state"] for row in waiting] == [WorkState.READY]


@pytest.mark.parametrize("reason", ["nothing waits", "not tried", "disabled", "long ago", "few"])
def test_who_is_not_known_to_fail_still_is_left_alone(
    database: Database, look: Callable[[datetime], int], reason: str
) -> None:
    now = NOW + 120 * HOUR
    last = now - LONGEST_SILENCE - HOUR if reason == "long ago" else now - HOUR
    endpoint = add_endpoint(database, enabled=reason != "disabled")
    if reason != "nothing waits":
        add_deliveries(database, endpoint, attempts=0 if reason == "not tried" else 1)
    failures = 4 if reason == "few" else 9
    known = Health(failing_since=NOW, last_failure_at=last, failures=failures, warned=3)
    set_health(database, endpoint, known)
    assert look(now) == 0
    assert health(database, endpoint) == known


def test_a_success_after_a_warning_by_the_clock_is_told_as_a_recovery(
    database: Database, look: Callable[[datetime], int]
) -> None:
    exchange = Exchange(database, mail_enabled=True)
    endpoint = add_endpoint(database, owner_email="ops@example.com")
    add_deliveries(database, endpoint)
    exchange.send(FAILED)
    assert look(NOW + HOUR) == 1
    exchange.send(TAKEN, NOW + HOUR)
    assert told(database) == ["webhook.failing", "webhook.recovered"]


def test_several_who_look_at_once_tell_it_once(database: Database) -> None:
    failing(database, NOW, NOW)

    def look(_: int) -> int:
        return StreakWatch(database, lambda name: None, mail_enabled=True)(NOW + HOUR)

    assert sum(in_threads(4, look)) == 1
    assert told(database) == ["webhook.failing"]


def test_the_timers_of_the_notifier_look(runtime: Runtime) -> None:
    now: Any = runtime.clock.now()
    failing(runtime.database, now - HOUR, now - HOUR)
    for job in bootstrap.build(runtime).jobs:
        job.run(now)
    assert told(runtime.database) == ["webhook.failing"]
