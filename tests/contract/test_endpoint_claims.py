"""What is leased for an endpoint that rests, is probed or has limits, on both databases."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from services.notifier.channels.base import TemporaryFailure
from services.notifier.coalesce import SUPERSEDED
from services.notifier.places import Places
from shared.db.engine import Database
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.db.work_lists import DELIVERIES_DUE
from shared.domain.delivery import BULK_RANK, REPLAY_RANK, RETRY_RANK
from shared.domain.endpoint_health import Health
from shared.domain.subscription import AfterOutage, Ordering
from shared.domain.work import WorkState
from tests.endpoints import LEASE, Exchange, add_deliveries, add_endpoint, health, set_health
from tests.factories import NOW
from tests.rows import rows, set_columns
from tests.waiting import in_threads

SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def exchange(database: Database) -> Exchange:
    return Exchange(database)


def states(database: Database) -> dict[str, WorkState]:
    return {row["id"]: row["work_state"] for row in rows(database, Delivery)}


def test_an_endpoint_that_is_blocked_has_nothing_ready_until_then(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    set_health(database, endpoint, Health(blocked_until=LATER, paused_until=LATER))
    add_deliveries(database, endpoint, 3)
    assert exchange.claim() == []
    assert [row["attempts"] for row in rows(database, Delivery)] == [0, 0, 0]
    with database.reading() as connection:
        assert not exchange.claims.has_ready(connection, NOW)
        assert exchange.claims.next_due(connection, NOW) == LATER
        assert exchange.claims.has_ready(connection, LATER)
        assert exchange.claims.next_due(connection, LATER) is None
    assert len(exchange.claim(LATER)) == 3


def test_the_next_that_is_due_is_the_later_of_its_time_and_the_end_of_the_rest(
    exchange: Exchange,
) -> None:
    database = exchange.database
    resting, well = add_endpoint(database), add_endpoint(database)
    set_health(database, resting, Health(blocked_until=NOW + SECOND, open_until=NOW + SECOND))
    add_deliveries(database, resting, available_at=LATER)
    add_deliveries(database, well, available_at=LATER + SECOND)
    with database.reading() as connection:
        assert exchange.claims.next_due(connection, NOW) == LATER
        assert exchange.claims.next_due(connection, LATER) == LATER + SECOND


def half_open(database: Database, **changed: object) -> str:
    endpoint = add_endpoint(database, **changed)
    known = Health(blocked_until=NOW, open_until=NOW, opened_at=NOW - 30 * SECOND, opens=1)
    set_health(database, endpoint, known)
    return endpoint


def test_after_a_rest_one_delivery_goes_out_and_the_others_wait_for_it(
    exchange: Exchange,
) -> None:
    database = exchange.database
    endpoint = half_open(database)
    add_deliveries(database, endpoint, 5)
    assert len(exchange.claim()) == 1
    assert exchange.claim() == []
    assert health(database, endpoint).blocked_until == NOW + LEASE
    assert sorted(row["attempts"] for row in rows(database, Delivery)) == [0, 0, 0, 0, 1]
    assert len(exchange.claim(NOW + LEASE)) == 1, "a probe that never came back is sent again"


def test_several_processes_send_one_probe(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = half_open(database)
    add_deliveries(database, endpoint, 8)
    claimed = in_threads(4, lambda _: len(Exchange(database).claim()))
    assert sum(claimed) == 1


def test_a_probe_that_has_nothing_to_send_is_not_taken_for_sent(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = half_open(database)
    assert exchange.claim() == []
    assert health(database, endpoint).open_until == NOW


def test_a_rate_limit_lets_a_seconds_worth_go_and_then_the_rate(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database, rate_limit_per_s=10)
    add_deliveries(database, endpoint, 100)
    assert len(exchange.claim(NOW)) == 10
    assert exchange.claim(NOW) == []
    blocked = health(database, endpoint).blocked_until
    assert blocked == NOW + SECOND / 10
    with database.reading() as connection:
        assert not exchange.claims.has_ready(connection, NOW)
        assert exchange.claims.next_due(connection, NOW) == blocked
    assert len(exchange.claim(NOW + SECOND / 2)) == 5
    assert len(exchange.claim(NOW + 5 * SECOND)) == 10


def test_several_processes_keep_one_rate(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database, rate_limit_per_s=7)
    add_deliveries(database, endpoint, 50)
    assert sum(in_threads(4, lambda _: len(Exchange(database).claim()))) == 7


def test_the_concurrency_of_an_endpoint_counts_what_any_process_sends(
    exchange: Exchange,
) -> None:
    database = exchange.database
    endpoint = add_endpoint(database, concurrency=3)
    add_deliveries(database, endpoint, 10)
    add_deliveries(database, endpoint, 10, available_at=LATER, last_error="HTTP 500")
    claimed = in_threads(3, lambda _: Exchange(database).claim())
    under_way = [job for jobs in claimed for job in jobs]
    assert len(under_way) == 3
    with database.transaction() as tx:
        done = {"work_state": WorkState.DONE}
        DELIVERIES_DUE.settle(
            tx, [{"id": j.delivery["id"], "lease_token": j.token, **done} for j in under_way[:2]]
        )
    assert len(exchange.claim()) == 2
    assert len(exchange.claim(NOW + LEASE)) == 3, "leases that have ended do not count"


def test_without_order_a_later_event_passes_one_that_rests(exchange: Exchange) -> None:
    database = exchange.database
    plain, ordered = add_endpoint(database, ordering=Ordering.NONE), add_endpoint(database)
    for endpoint in (plain, ordered):
        ticket_id = f"tkt_{endpoint}"
        add_deliveries(database, endpoint, ticket_id=ticket_id, sequence=1, available_at=LATER)
        add_deliveries(database, endpoint, ticket_id=ticket_id, sequence=2)
    assert [job.receiver for job in exchange.claim()] == [plain]


def backlog(database: Database, endpoint: str) -> dict[tuple[str, int], str]:
    """Three events of one ticket and one of another; returns their ids by ticket and sequence."""
    found = {}
    for ticket, sequence in (("a", 1), ("a", 2), ("a", 3), ("b", 1)):
        [found[ticket, sequence]] = add_deliveries(
            database,
            endpoint,
            ticket_id=f"tkt_{ticket}_{endpoint}",
            sequence=sequence,
        )
    with database.transaction() as tx:
        tx.execute(update(table(Delivery)).values(payload=None))
    return found


@pytest.mark.parametrize("after_outage", AfterOutage)
def test_after_an_outage_who_chose_it_gets_the_latest_of_each_ticket(
    exchange: Exchange, after_outage: AfterOutage
) -> None:
    database = exchange.database
    endpoint = add_endpoint(database, after_outage=after_outage)
    set_health(database, endpoint, Health(stale=True))
    made = backlog(database, endpoint)
    claimed = {job.delivery["id"] for job in exchange.claim()}
    if after_outage is AfterOutage.ALL:
        assert claimed == {made["a", 1], made["b", 1]}
        assert set(states(database).values()) == {WorkState.READY}
    else:
        assert claimed == {made["a", 3], made["b", 1]}
        left_out = [row for row in rows(database, Delivery) if row["work_state"] == "cancelled"]
        assert {row["id"] for row in left_out} == {made["a", 1], made["a", 2]}
        assert {row["last_error"] for row in left_out} == {SUPERSEDED}
    assert not health(database, endpoint).stale


def test_without_an_outage_every_event_is_sent(exchange: Exchange) -> None:
    endpoint = add_endpoint(exchange.database, after_outage=AfterOutage.LATEST)
    backlog(exchange.database, endpoint)
    exchange.claim()
    assert set(states(exchange.database).values()) == {WorkState.READY}


def test_what_is_under_way_is_not_left_out(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database, after_outage=AfterOutage.LATEST)
    made = backlog(database, endpoint)
    exchange.claim()
    set_health(database, endpoint, Health(stale=True))
    exchange.claim()
    assert states(database)[made["a", 1]] is WorkState.READY
    assert states(database)[made["a", 2]] is WorkState.CANCELLED


@pytest.mark.parametrize("rank", [RETRY_RANK, BULK_RANK, REPLAY_RANK])
def test_what_happened_before_never_takes_more_than_half_of_the_places(
    exchange: Exchange, rank: int
) -> None:
    database = exchange.database
    for _ in range(20):
        add_deliveries(database, add_endpoint(database), 5, rank=rank)
    assert len(exchange.claim(limit=40)) == 20
    live = add_endpoint(database)
    add_deliveries(database, live, 4)
    [first, *_] = exchange.claim(limit=40)
    assert first.receiver == live


def test_live_events_of_an_endpoint_go_before_its_replay(exchange: Exchange) -> None:
    database = exchange.database
    endpoint = add_endpoint(database)
    old = NOW - timedelta(days=1)
    add_deliveries(database, endpoint, 50, rank=REPLAY_RANK, available_at=old)
    [live] = add_deliveries(database, endpoint, 1)
    assert exchange.claim(limit=4, share=1)[0].delivery["id"] == live


def test_no_endpoint_gets_more_than_a_quarter_of_what_is_free(exchange: Exchange) -> None:
    database = exchange.database
    endpoints = [add_endpoint(database) for _ in range(8)]
    for endpoint in endpoints:
        add_deliveries(database, endpoint, 100)
    busy: Counter[str] = Counter()
    while claimed := exchange.claim(limit=100, **busy):
        busy.update(job.receiver for job in claimed)
    assert set(busy) == set(endpoints)
    assert max(busy.values()) <= 25
    assert busy.total() < 100, "a place stays free for who has none yet"
    newcomer = add_endpoint(database)
    add_deliveries(database, newcomer)
    assert [job.receiver for job in exchange.claim(limit=100, **busy)] == [newcomer]


def test_a_thousand_endpoints_get_their_event_in_few_claims(exchange: Exchange) -> None:
    database = exchange.database
    for _ in range(300):
        add_deliveries(database, add_endpoint(database))
    assert [len(exchange.claim(limit=1000)) for _ in range(3)] == [200, 100, 0]


def test_a_lease_that_was_settled_has_no_token(exchange: Exchange) -> None:
    database = exchange.database
    [delivery_id] = add_deliveries(database, add_endpoint(database))
    exchange.send(TemporaryFailure("HTTP 500", 500))
    [row] = rows(database, Delivery)
    assert (row["id"], row["lease_token"], row["attempts"]) == (delivery_id, None, 1)
    set_columns(database, Delivery, delivery_id, available_at=NOW)
    assert len(exchange.claim()) == 1


def test_one_claim_serves_many_endpoints_that_have_more_than_their_part(
    exchange: Exchange,
) -> None:
    database = exchange.database
    for _ in range(20):
        add_deliveries(database, add_endpoint(database), 40)
    leased = Counter(job.receiver for job in exchange.claim(limit=100))
    assert sum(leased.values()) >= 80
    assert len(leased) >= 10
    assert max(leased.values()) <= 10


@pytest.mark.parametrize("rank", [0, RETRY_RANK], ids=["live", "retries"])
def test_claims_go_on_until_nothing_has_room(exchange: Exchange, rank: int) -> None:
    database, places = exchange.database, Places(100, 30)
    for due in (200, 3, 1, 1):
        add_deliveries(database, add_endpoint(database), due, rank=rank)
    limited = add_endpoint(database, concurrency=1)
    add_deliveries(database, limited, 5, rank=rank)
    leased: Counter[str] = Counter()
    more = True
    while more:
        claimed = exchange.claims.claim(NOW, places)
        leased.update(job.receiver for job in claimed.jobs)
        for job in claimed.jobs:
            places.take(job.receiver, rank)
        more = claimed.more
    # A quarter of what is free, as it is after every one of them.
    assert sorted(leased.values())[:4] == [1, 1, 1, 3]
    assert 10 <= max(leased.values()) <= 30
    assert not [each for each in leased if places.room(each) and leased[each] > 3]


def test_a_crowd_that_has_nothing_to_go_leaves_a_busy_endpoint_its_pace(
    exchange: Exchange,
) -> None:
    database = exchange.database
    busy = add_endpoint(database)
    add_deliveries(database, busy, 20)
    for _ in range(60):
        waiting = add_endpoint(database)
        ticket_id = f"tkt_{waiting}"
        add_deliveries(database, waiting, ticket_id=ticket_id, sequence=1, available_at=LATER)
        add_deliveries(database, waiting, ticket_id=ticket_id, sequence=2)
    assert Counter(job.receiver for job in exchange.claim(limit=40))[busy] >= 8
