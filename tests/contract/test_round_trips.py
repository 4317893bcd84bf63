"""What a batch costs: round trips do not grow with its size, nor with features."""

from datetime import timedelta
from typing import Any

import pytest

from services.intake.group_commit import Accepted, GroupCommitter, Submission
from services.notifier.fan_out import FanOut
from shared.db.engine import Database
from shared.db.models import Delivery, Requester, RequesterIdentity
from shared.db.ticket_changes import NewTicket
from shared.domain.attachment import AttachmentRules
from shared.domain.clock import SystemClock
from tests.factories import ticket_content
from tests.fixtures.shops import Shop
from tests.rows import rows
from tests.trips import Trips, counted


def store(database: Database, people: list[dict[str, Any]], **content: Any) -> Trips:
    """Commit a ticket of each of these people as one batch; return what it cost."""
    with database.transaction() as tx:
        # Service levels are looked at once a second, whatever the batches.
        tx.service_levels.book(tx.connection)
    rules = AttachmentRules(max_bytes=1, max_count=1, max_total_bytes=1, scan=False)
    committer = GroupCommitter(database, SystemClock(), lambda _: None, timedelta(days=1), rules)
    with counted(database) as trips:
        answers = committer._store(
            [
                Submission(
                    NewTicket(ticket_content(requester=person, **content), "test", "req_1"),
                    None,
                )
                for person in people
            ]
        )
    assert all(isinstance(answer, Accepted) for answer in answers)
    trips.queries = [each for each in trips.queries if "configuration_versions" not in each]
    return trips


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"email": f"e{n}@example.com", "phone": f"+442079{n:06d}", **more} for n in range(count)
    ]


TICKET = ["INSERT INTO tickets", "INSERT INTO ticket_events", "INSERT INTO event_outbox"]
MADE = ["INSERT INTO requesters", "INSERT INTO requester_identities"]


@pytest.mark.parametrize("count", [1, 100])
def test_requesters_cost_a_batch_one_query_and_writes_only_where_something_is_new(
    database: Database, count: int
) -> None:
    first = store(database, people(count))
    # Requesters and numbers are asked for, each once; everything that is written goes together.
    assert (len(first.queries), first.sent) == (2, [[*MADE, *TICKET]])
    known = store(database, people(count))
    assert (len(known.queries), known.sent) == (2, [TICKET])
    moved = store(database, people(count, locale="ru"))
    assert (len(moved.queries), moved.sent) == (2, [["UPDATE requesters SET", *TICKET]])
    assert {row["locale"] for row in rows(database, Requester)} == {"ru"}
    assert len(rows(database, RequesterIdentity)) == 2 * count


def test_people_without_an_address_cost_no_query(database: Database) -> None:
    trips = store(database, [{"name": "Mira"}])
    assert (len(trips.queries), trips.sent) == (1, [[MADE[0], *TICKET]])


def test_a_batch_finds_those_whom_it_makes_itself(database: Database) -> None:
    store(database, [{"email": "mira@example.com"}, {"email": "Mira@example.com", "name": "Mira"}])
    [requester] = rows(database, Requester)
    assert (requester["name"], requester["version"]) == ("Mira", 1)


def test_a_refresh_that_comes_too_late_leaves_what_is_there(database: Database) -> None:
    """Somebody else changed the profile since it was read; theirs stands."""
    store(database, people(1))
    [requester] = rows(database, Requester)
    for name, version in (("late", 0), ("right", 1)):
        row = {"id": requester["id"], "version": version, "name": name}
        with database.transaction() as tx:
            table_ = Requester.__table__
            tx.update(table_, [row], key=("id", "version"), raised="version")  # type: ignore[arg-type]
    [after] = rows(database, Requester)
    assert (after["name"], after["version"]) == ("right", 2)


@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_of_the_router_asks_four_times_and_writes_once(shop: Shop, count: int) -> None:
    shop.desk.agent(100)
    shop.desk.ticket()
    shop.settle()
    shop.desk.agent(100)
    for _ in range(count):
        shop.desk.ticket()
    with counted(shop.runtime.database) as trips:
        assert shop.route() == count
    # The tickets, the version of the configuration, the agents that changed, and their loads; once
    # more what of a new agent only an edit changes: skills, teams, performance.
    assert len(trips.queries) == 4 + 3
    assert len(trips.sent) == 1
    shop.desk.ticket()
    with counted(shop.runtime.database) as trips:
        assert shop.route() == 1
    assert len(trips.queries) == 4
    assert len(trips.sent) == 1


@pytest.mark.parametrize("count", [1, 40])
def test_a_fan_out_asks_three_times_and_writes_once(shop: Shop, count: int) -> None:
    shop.desk.agent(100)
    shop.desk.webhook("https://127.0.0.1/hook")
    for _ in range(count):
        shop.desk.ticket()
    shop.settle()
    runtime = shop.runtime
    fan_out = FanOut(runtime.database, shop.clock, lambda _: None, 100, mail_enabled=False)
    with counted(runtime.database) as trips:
        assert fan_out() == 2 * count
    # The outbox, who wants events, and the events.
    assert len(trips.queries) == 3
    writes = ["DELETE FROM event_outbox", "INSERT INTO deliveries", "UPDATE deliveries SET"]
    assert trips.sent == [writes]
    assert len(rows(runtime.database, Delivery)) == 2 * count
