"""Which deliveries are leased, on both databases: order, shares, and nobody left out."""

from datetime import timedelta
from typing import Any

import pytest

from services.notifier.due_webhooks import MAX_ENDPOINTS
from services.notifier.endpoint_claims import EndpointClaims
from services.notifier.outbox import keep_deliveries
from services.notifier.places import PLACE_BYTES, Places
from shared.db.engine import Database
from shared.db.models import Delivery, OutboxEntry, Subscription, Ticket, TicketEvent
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket, create
from shared.domain.delivery import BULK_RANK, RETRY_RANK
from shared.domain.work import WorkState
from tests.factories import NOW, delivery, outbox_entry, subscription, ticket_content
from tests.rows import rows, set_columns

LATER = NOW + timedelta(hours=1)
EARLIER = NOW - timedelta(hours=1)


@pytest.fixture
def claims(database: Database) -> EndpointClaims:
    return EndpointClaims(database, timedelta(seconds=30))


@pytest.fixture
def event(database: Database) -> dict[str, Any]:
    """One event, for all deliveries of a test to carry."""
    with database.transaction() as tx:
        create(tx, [NewTicket(ticket_content(), "test", "req_1")], NOW)
    with database.transaction() as tx:
        tx.delete(table(OutboxEntry), [row["id"] for row in rows(database, OutboxEntry)])
    assert len(rows(database, Ticket)) == 1
    return rows(database, TicketEvent)[0]


def add(database: Database, model: Any, *given: dict[str, Any]) -> list[str]:
    with database.transaction() as tx:
        tx.insert(table(model), given)
    return [row["id"] for row in given]


def leased(claims: EndpointClaims, limit: int = 4000, share: int = 100, **busy: int) -> list[str]:
    places = Places(limit, share)
    for receiver, count in busy.items():
        for _ in range(count):
            places.take(receiver, 0)
    return [job.delivery["id"] for job in claims.claim(NOW, places).jobs]


def one(event: dict[str, Any], receiver: str, **changed: Any) -> dict[str, Any]:
    return delivery(receiver=receiver, event_id=event["id"], **changed)


def test_a_leased_job_has_all_that_is_needed_to_send_it(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    [endpoint] = add(database, Subscription, subscription())
    [delivery_id] = add(database, Delivery, one(event, endpoint))
    [job] = claims.claim(NOW, Places(10, 10)).jobs
    assert (job.delivery["id"], job.body, job.attempt) == (delivery_id, event["body"], 1)
    assert job.endpoint is not None
    assert job.endpoint["id"] == endpoint
    assert leased(claims) == []


def test_large_bodies_take_several_places_and_come_whole(
    database: Database, claims: EndpointClaims
) -> None:
    [endpoint] = add(database, Subscription, subscription())
    bodies = ["{}", *(f'"{letter * 10 * PLACE_BYTES}"' for letter in "abcdя")]
    moments = [EARLIER + timedelta(seconds=number) for number in range(len(bodies))]
    add(
        database,
        Delivery,
        *(
            delivery(receiver=endpoint, payload=body, available_at=moment)
            for body, moment in zip(bodies, moments, strict=True)
        ),
    )
    places, found = Places(100, 100), []
    for _ in range(3):
        jobs = claims.claim(NOW, places).jobs
        found.append([(bodies.index(job.body), job.places) for job in jobs])
        for job in jobs:
            places.give_back(job.receiver, job.delivery["rank"], job.places)
    # A quarter of the free places is for one receiver; the last delivery may take more than that.
    assert found == [[(0, 1), (1, 11), (2, 11)], [(3, 11), (4, 11)], [(5, 21)]]
    assert places.free == 100


def test_what_comes_later_in_a_ticket_waits_for_what_comes_earlier(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    endpoint, other = add(database, Subscription, subscription(), subscription())
    ticket_id = event["ticket_id"]
    failing = delivery(
        receiver=endpoint, ticket_id=ticket_id, sequence=1, available_at=LATER, rank=RETRY_RANK
    )
    behind = one(event, endpoint, ticket_id=ticket_id, sequence=2)
    elsewhere = one(event, other, ticket_id=ticket_id, sequence=2)
    add(database, Delivery, failing, behind, elsewhere)
    assert leased(claims) == [elsewhere["id"]]
    set_columns(database, Delivery, failing["id"], work_state=WorkState.DEAD)
    assert leased(claims) == [behind["id"]]


def test_an_event_that_is_not_fanned_out_yet_holds_up_those_behind_it(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    [endpoint] = add(database, Subscription, subscription())
    behind = one(event, endpoint, ticket_id=event["ticket_id"], sequence=2)
    add(database, Delivery, behind)
    ahead = outbox_entry(ticket_id=event["ticket_id"], sequence=1)
    add(database, OutboxEntry, ahead)
    assert leased(claims) == []
    with database.transaction() as tx:
        tx.delete(table(OutboxEntry), [ahead["id"]])
    assert leased(claims) == [behind["id"]]


def test_first_attempts_go_before_retries_and_live_before_bulk(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    [endpoint] = add(database, Subscription, subscription())
    ranks = [BULK_RANK, RETRY_RANK, 0]
    with database.transaction() as tx:
        documents = create(tx, [NewTicket(ticket_content(), "test", "req_1") for _ in ranks], NOW)
    assert len(documents) == 3
    with database.transaction() as tx:
        tx.delete(table(OutboxEntry), [row["id"] for row in rows(database, OutboxEntry)])
    events = [row for row in rows(database, TicketEvent) if row["id"] != event["id"]]
    bulk, retry, first = add(
        database,
        Delivery,
        *(one(e, endpoint, rank=rank) for e, rank in zip(events, ranks, strict=True)),
    )
    assert [leased(claims, limit=1) for _ in range(3)] == [[first], [retry], [bulk]]


def test_what_is_in_flight_counts_against_a_receivers_share(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    slow, prompt = add(database, Subscription, subscription(), subscription())
    add(database, Delivery, one(event, slow))
    [wanted] = add(database, Delivery, one(event, prompt))
    assert leased(claims, share=3, **{slow: 3}) == [wanted]


def test_a_disabled_subscription_has_nothing_due(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    [endpoint] = add(database, Subscription, subscription(enabled=False))
    add(database, Delivery, one(event, endpoint))
    assert leased(claims) == []
    with database.reading() as connection:
        assert not claims.has_ready(connection, NOW)
        assert claims.next_due(connection, EARLIER) is None


def test_many_receivers_that_fail_do_not_keep_a_healthy_one_waiting(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    """Each failing one has an event to be tried again later, and one behind it, due long since."""
    failing = add(database, Subscription, *(subscription() for _ in range(MAX_ENDPOINTS)))
    for endpoint in failing:
        ticket_id = event["ticket_id"]
        ahead = delivery(
            receiver=endpoint,
            ticket_id=ticket_id,
            sequence=1,
            available_at=LATER,
            last_error="refused",
        )
        behind = delivery(receiver=endpoint, ticket_id=ticket_id, sequence=2, available_at=EARLIER)
        add(database, Delivery, ahead)
        with database.transaction() as tx:
            keep_deliveries(tx, [], [behind], EARLIER)
    [healthy] = add(database, Subscription, subscription())
    [wanted] = add(database, Delivery, one(event, healthy))
    assert leased(claims) == [wanted]


def test_receivers_whose_share_is_used_up_do_not_keep_a_healthy_one_waiting(
    database: Database, claims: EndpointClaims, event: dict[str, Any]
) -> None:
    slow = add(database, Subscription, *(subscription() for _ in range(MAX_ENDPOINTS)))
    add(database, Delivery, *(one(event, e, available_at=EARLIER) for e in slow))
    [healthy] = add(database, Subscription, subscription())
    [wanted] = add(database, Delivery, one(event, healthy))
    busy = dict.fromkeys(slow, 5)
    assert leased(claims, share=5, **busy) == [wanted]
