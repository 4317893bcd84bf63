"""The index follows the feed: by one process at a time, with all that happens meanwhile."""

import threading
from collections.abc import Callable
from random import Random

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from services.cli.main import cli
from shared.db.engine import Database
from shared.db.models import FeedReader, SearchDocument
from shared.db.models.base import table
from shared.db.search import finding
from shared.db.search.document import Audience
from shared.db.search.indexer import SearchIndexer
from shared.domain.clock import SystemClock
from shared.domain.search.parse import parse
from shared.messaging.feed_follower import FeedFollower
from shared.runtime import Runtime
from shared.settings import Settings
from tests.desk import Desk
from tests.factories import NOW
from tests.feed import create, settled
from tests.processes import environment
from tests.rows import rows
from tests.waiting import eventually

CLOCK = SystemClock()


def found(database: Database, q: str) -> set[str]:
    hits, _ = finding.by_age(database, parse(q), Audience.STAFF, None, 10_000)
    return {hit.ticket_id for hit in hits}


def test_two_indexers_and_a_rebuild_at_once_leave_every_ticket_as_it_is_now(
    desk: Desk, database: Database, new_runtime: Callable[..., Runtime]
) -> None:
    tickets = [desk.ticket()["id"] for _ in range(12)]
    finished = threading.Event()
    errors: list[BaseException] = []

    def keep_on(step: Callable[[], object]) -> None:
        try:
            while not finished.is_set():
                step()
        except BaseException as error:  # noqa: BLE001 -- looked at below
            errors.append(error)

    indexers = [SearchIndexer(new_runtime().database, CLOCK) for _ in range(3)]
    steps: list[Callable[[], object]] = [
        indexers[0],
        indexers[1],
        lambda: list(indexers[2].rebuild()),
    ]
    threads = [threading.Thread(target=keep_on, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    random, words = Random(3), {}
    for number in range(60):
        ticket = random.choice(tickets)
        words[ticket] = f"word{number}"
        desk.ok("PATCH", f"/v1/tickets/{ticket}", {"subject": words[ticket]})
    finished.set()
    for thread in threads:
        thread.join()
    assert errors == []
    settled(database)
    while indexers[0]():
        pass
    for ticket, word in words.items():
        assert found(database, word) == {ticket}
    with database.reading() as connection:
        count = select(func.count()).select_from(table(SearchDocument))
        assert connection.execute(count).scalar_one() == len(tickets)


def test_only_one_process_follows_and_another_takes_over(
    runtime: Runtime, new_runtime: Callable[..., Runtime]
) -> None:
    steps: list[str] = []

    def follower(name: str) -> FeedFollower:
        def step() -> bool:
            steps.append(name)
            return False

        return FeedFollower(new_runtime().database, CLOCK, "test", name, step)

    first, second = follower("first"), follower("second")
    first.start()
    eventually(lambda: steps)
    second.start()
    eventually(lambda: len(steps) > 4)
    assert set(steps) == {"first"}
    assert first.stop(10)
    eventually(lambda: "second" in steps)
    assert second.stop(10)


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_follower_that_was_never_started_has_nothing_to_stop(runtime: Runtime) -> None:
    follower = FeedFollower(runtime.database, CLOCK, "test", "nobody", lambda: False)
    follower.begin_stop()
    assert follower.stop(1)


def test_a_large_backlog_is_indexed_batch_by_batch(database: Database) -> None:
    with database.transaction() as tx:
        tickets = {create(tx, subject="Gateway") for _ in range(30)}
    settled(database)
    indexer = SearchIndexer(database, CLOCK)
    while indexer():
        pass
    assert found(database, "gateway") == tickets
    [reader] = rows(database, FeedReader)
    assert indexer() is False
    assert rows(database, FeedReader) == [reader]


@pytest.mark.parametrize("terminal", [False, True])
def test_the_command_makes_the_index_anew(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    with database.transaction() as tx:
        ticket = create(tx, subject="Gateway")
    for name, value in environment(settings).items():
        if name.startswith("PATCHBAY_"):
            monkeypatch.setenv(name, value)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    done = CliRunner().invoke(cli, ["search", "rebuild"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "up to number 1" in done.output
    assert found(database, "gateway") == {ticket}


def test_the_age_of_a_ticket_counts_and_its_number_counts_more(database: Database) -> None:
    with database.transaction() as tx:
        create(tx, subject="Gateway")
    settled(database)
    SearchIndexer(database, CLOCK)()
    scores = []
    for days in (0, 90, 3650):
        now = NOW.fromtimestamp(NOW.timestamp() + days * 86_400, NOW.tzinfo)
        [ranked], more, complete = finding.by_relevance(
            database, parse("gateway"), Audience.ALL, now, None, 10
        )
        assert (more, complete) == (False, True)
        scores.append(ranked.score)
    assert scores[1] == pytest.approx(scores[0] * 0.75, rel=0.01)
    assert scores[2] == pytest.approx(scores[0] * 0.5, rel=0.01)
