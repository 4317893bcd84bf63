"""The demo's questions to a real database, in both modes."""

import asyncio
from collections.abc import Callable

import pytest

from services.demo import truth
from services.demo.audit import audit
from services.demo.crew import Crew
from services.demo.errors import DemoError
from services.demo.ledger import Ledger
from services.demo.rest import wait_for_rest
from services.demo.run import prepare
from shared.db import schema
from shared.db.engine import Database
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.desk import Desk


def read(database: Database) -> truth.Truth:
    with database.reading() as connection:
        return truth.read_truth(connection)


def test_a_new_database_is_prepared(new_database: Callable[[], str]) -> None:
    database = Database(new_database())
    prepare(database)
    assert schema.current_revision(database) == schema.newest_revision()
    database.close()


def test_an_empty_one_is_left_as_it_is(database: Database) -> None:
    prepare(database)


def test_one_that_is_in_use_is_refused(desk: Desk, database: Database) -> None:
    desk.ticket()
    desk.ticket()
    with pytest.raises(DemoError, match="already has 2 tickets"):
        prepare(database)


def test_a_ticket_that_nobody_routed_is_work_left_and_nowhere(
    desk: Desk, database: Database
) -> None:
    accepted = {desk.ticket()["id"]: 0.0}
    with database.reading() as connection:
        assert truth.work_left(connection) == {"tickets": 1, "event_outbox": 1}
    whats = [finding.what for finding in audit(read(database), Ledger(accepted), frozenset())]
    assert whats == ["tickets neither assigned, waiting nor resolved"]


def test_a_desk_at_rest_has_kept_its_promises(
    desk: Desk,
    runtime: Runtime,
    database: Database,
    start_host: Callable[..., WorkerHost],
) -> None:
    desk.team("network")
    agent = desk.agent(1, teams=["network"])
    start_host(runtime)
    ledger = Ledger({desk.ticket(team="network")["id"]: 0.0 for _ in range(3)})
    asyncio.run(wait_for_rest(database, Crew({}, ledger), ledger))
    found = read(database)
    assert audit(found, ledger, frozenset(found.mails)) == []
    assert [a["agent_id"] for a in found.open_assignments] == [agent]
    assert list(found.reasons.values()) == ["is at capacity (1)"] * 2
    assert all(found.mails.values())
