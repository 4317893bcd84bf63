"""What recorded attempts make of an endpoint, on both databases and with several processes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notifier.channels.base import (
    Delivered,
    Outcome,
    PermanentFailure,
    Postponed,
    TemporaryFailure,
)
from shared.db.engine import Database
from shared.db.models import Delivery, DeliveryAttempt, EndpointHealth, Subscription
from shared.db.types import load_json
from shared.domain.delivery import REPLAY_RANK
from shared.domain.endpoint_health import EndpointState
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState
from tests.endpoints import Exchange, add_deliveries, add_endpoint, health
from tests.factories import NOW
from tests.rows import rows
from tests.waiting import in_threads

FAILED = TemporaryFailure("HTTP 500", 500)
DELIVERED = Delivered(200, "HTTP 200")
HOUR = timedelta(hours=1)


@pytest.fixture
def exchange(database: Database) -> Exchange:
    return Exchange(database, mail_enabled=True)


def subscriptions(database: Database) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows(database, Subscription)}


def ready(database: Database, endpoint: str) -> list[dict[str, Any]]:
    found = [row for row in rows(database, Delivery) if row["receiver"] == endpoint]
    return [row for row in found if row["work_state"] is WorkState.READY]


def test_failures_open_the_breaker_and_what_is_due_waits_without_using_up_attempts(
    exchange: Exchange,
) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint, 5)
    exchange.send(FAILED)
    found = health(database, endpoint)
    assert found.state(NOW) is EndpointState.OPEN
    assert found.blocked_until == NOW + timedelta(seconds=30)
    waiting = add_deliveries(database, endpoint, 3)
    assert exchange.claim(NOW + timedelta(seconds=29)) == []
    attempts = {row["id"]: row["attempts"] for row in rows(database, Delivery)}
    assert [attempts[each] for each in waiting] == [0, 0, 0]


def test_a_probe_that_is_taken_lets_everything_go(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint, 5)
    exchange.send(FAILED)
    add_deliveries(database, endpoint, 3)
    later = NOW + timedelta(seconds=60)
    assert exchange.send(DELIVERED, later) == 1
    assert health(database, endpoint).state(later) is EndpointState.HEALTHY
    assert exchange.send(DELIVERED, later) == 7


def test_a_probe_that_fails_doubles_the_rest(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint, 9)
    exchange.record([(job, FAILED) for job in exchange.claim()[:5]])
    later = NOW + timedelta(seconds=31)
    assert exchange.send(FAILED, later) == 1
    assert health(database, endpoint).blocked_until == later + timedelta(seconds=60)


def test_what_several_processes_record_at_once_is_all_counted(exchange: Exchange) -> None:
    database = exchange.database
    endpoint, other = add_endpoint(database), add_endpoint(database)
    for each in (endpoint, other):
        add_deliveries(database, each, 4)
    jobs = exchange.claim()
    mine = [jobs[index::4] for index in range(4)]
    in_threads(4, lambda n: Exchange(database).record([(job, FAILED) for job in mine[n]]))
    for each in (endpoint, other):
        assert (health(database, each).failures_in_row, health(database, each).failures) == (4, 4)


def test_successes_that_were_leased_before_a_failure_count_all_the_same(
    exchange: Exchange,
) -> None:
    """Under load most of what ends was leased while the endpoint was well."""
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint, 1)
    exchange.send(DELIVERED)
    add_deliveries(database, endpoint, 40)
    for number, job in enumerate(exchange.claim()):
        exchange.record([(job, FAILED if number % 4 == 0 else DELIVERED)])
    found = health(database, endpoint)
    assert found.opens == 0
    assert (found.window_attempts, found.window_failures) == (40, 10)


def test_the_health_of_an_endpoint_that_is_well_is_not_written_with_each_batch(
    exchange: Exchange,
) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    for seconds, noted in ((0, 0), (10, 0), (59, 0), (61, 61)):
        now = NOW + timedelta(seconds=seconds)
        add_deliveries(database, endpoint)
        exchange.send(DELIVERED, now)
        assert health(database, endpoint).last_success_at == NOW + timedelta(seconds=noted)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (TemporaryFailure("HTTP 429", 429, 600), EndpointState.PAUSED),
        (TemporaryFailure("HTTP 503", 503, 600), EndpointState.PAUSED),
    ],
)
def test_a_wait_that_is_asked_for_holds_for_everything_that_goes_there(
    exchange: Exchange, outcome: Outcome, state: EndpointState
) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint)
    exchange.send(outcome)
    add_deliveries(database, endpoint, 3)
    assert health(database, endpoint).state(NOW) is state
    assert exchange.claim(NOW + timedelta(seconds=599)) == []
    assert len(exchange.claim(NOW + timedelta(seconds=600))) == 4


def test_what_was_put_off_is_no_failure_of_the_endpoint_and_no_attempt(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint, 9)
    again = NOW + timedelta(seconds=20)
    exchange.send(Postponed(again, "put off"))
    assert health(database, endpoint).clean
    assert {row["attempts"] for row in rows(database, Delivery)} == {0}
    assert rows(database, DeliveryAttempt) == []
    assert exchange.claim(again - timedelta(seconds=1)) == []
    assert len(exchange.claim(again)) == 9


def test_what_is_sent_again_keeps_its_pace_behind_an_event_that_is_tried_again(
    exchange: Exchange,
) -> None:
    database = exchange.database
    endpoint, ticket = add_endpoint(database), new_id(Prefix.TICKET)
    again: dict[str, Any] = {"ticket_id": ticket, "rank": REPLAY_RANK}
    [first] = add_deliveries(database, endpoint, ticket_id=ticket, sequence=1)
    [live] = add_deliveries(database, endpoint, ticket_id=ticket, sequence=2)
    moments = {3: NOW + HOUR, 4: NOW + 2 * HOUR, 5: NOW}
    paced = [
        each
        for number, at in moments.items()
        for each in add_deliveries(database, endpoint, **again, sequence=number, available_at=at)
    ]

    def due() -> dict[str, datetime]:
        return {row["id"]: row["available_at"] for row in rows(database, Delivery)}

    exchange.send(FAILED)
    retry = due()[first]
    assert NOW < retry < NOW + HOUR
    assert [due()[each] for each in (live, *paced)] == [retry, NOW + HOUR, NOW + 2 * HOUR, retry]
    exchange.send(DELIVERED, retry)
    assert [due()[each] for each in paced[:2]] == [NOW + HOUR, NOW + 2 * HOUR]


def test_a_fault_of_our_own_says_nothing_about_the_endpoint(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint, 9)
    exchange.send(TemporaryFailure("internal error: KeyError", ours=True))
    assert health(database, endpoint).clean


@pytest.mark.parametrize(
    "outcome",
    [
        PermanentFailure("HTTP 410", 410, gone=True),
        Delivered(200, "HTTP 200, webhook-delivery: disable", gone=True),
    ],
)
def test_a_receiver_that_wants_no_more_is_disabled_and_its_queue_cancelled(
    exchange: Exchange, outcome: Outcome
) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    add_deliveries(database, endpoint, 3)
    first, *_ = exchange.claim()
    exchange.record([(first, outcome)])
    found = subscriptions(database)[endpoint]
    assert (found["enabled"], found["disabled_at"]) == (False, NOW)
    assert found["disabled_reason"].startswith("HTTP")
    assert ready(database, endpoint) == []


def hours(count: int) -> Iterator[datetime]:
    return (NOW + HOUR * number for number in range(count))


def fail_for(exchange: Exchange, endpoint: str, count: int) -> None:
    """Fail once an hour; the hour is longer than any rest of the breaker."""
    add_deliveries(exchange.database, endpoint, count)
    for moment, job in zip(hours(count), exchange.claim(), strict=True):
        ended = replace(job, leased_at=moment)
        exchange.record([(ended, FAILED)], moment)


def news(database: Database, receiver: str) -> list[dict[str, Any]]:
    found = [row for row in rows(database, Delivery) if row["receiver"] == receiver]
    return [load_json(row["payload"]) for row in sorted(found, key=lambda row: row["created_at"])]


def test_owner_and_who_asked_for_it_are_told_in_steps_and_of_the_end(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database, owner_email="ops@example.com", event_types=["*", "webhook.*"])
    asked = add_endpoint(database, event_types=["webhook.failing", "webhook.disabled"])
    everything = add_endpoint(database, event_types=[])
    fail_for(exchange, endpoint, 121)
    kinds = ["webhook.failing"] * 3 + ["webhook.disabled"]
    told = news(database, asked)
    assert [event["type"] for event in told] == kinds
    assert [event["type"] for event in news(database, "ops@example.com")] == kinds
    assert news(database, everything) == []
    assert all(event["data"]["webhook"]["id"] == endpoint for event in told)
    assert told[-1]["data"]["failures"] == 121
    assert told[-1]["data"]["reason"] == "HTTP 500"
    own = [row for row in rows(database, Delivery) if row["receiver"] == endpoint]
    assert {row["payload"] for row in own} == {"{}"}, "never to the endpoint itself"


def test_disabling_after_days_keeps_what_waits(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    fail_for(exchange, endpoint, 120)
    assert subscriptions(database)[endpoint]["enabled"]
    waiting = len(ready(database, endpoint))
    last = NOW + HOUR * 120
    add_deliveries(database, endpoint, available_at=last)
    exchange.record([(exchange.claim(last)[0], FAILED)], last)
    found = subscriptions(database)[endpoint]
    assert not found["enabled"]
    assert (
        found["disabled_reason"] == f"nothing got through since {NOW:%Y-%m-%d %H:%M} UTC: HTTP 500"
    )
    assert len(ready(database, endpoint)) >= waiting


def test_a_recovery_is_told(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database, owner_email="ops@example.com")
    fail_for(exchange, endpoint, 3)
    later = NOW + HOUR * 4
    exchange.record([(exchange.claim(later)[0], DELIVERED)], later)
    types = [event["type"] for event in news(database, "ops@example.com")]
    assert types == ["webhook.failing", "webhook.recovered"]


def test_without_mail_nobody_is_told_by_mail(database: Database) -> None:
    exchange = Exchange(database, mail_enabled=False)
    endpoint = add_endpoint(database, owner_email="ops@example.com")
    fail_for(exchange, endpoint, 3)
    assert news(database, "ops@example.com") == []


def test_a_record_that_is_repeated_changes_nothing(exchange: Exchange) -> None:
    """The reply to a commit may be lost; the engine then writes the same once more."""
    database = exchange.database
    endpoint = add_endpoint(database)
    [delivery_id] = add_deliveries(database, endpoint)
    ended = [(exchange.claim()[0], FAILED)]
    for _ in range(2):
        exchange.record(ended)
    [row] = rows(database, Delivery)
    assert (row["id"], row["attempts"]) == (delivery_id, 1)
    assert len(rows(database, EndpointHealth)) == 1
