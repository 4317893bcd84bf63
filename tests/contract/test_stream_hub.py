"""All streams of a process see what one reader read, or catch up by themselves."""

import threading
from collections.abc import Iterator

import pytest

from services.intake import stream_hub
from services.intake.stream_hub import StreamHub
from shared.db.engine import Database
from shared.db.feed import BEGINNING, Position
from shared.domain.errors import Unavailable
from tests.feed import create, settled
from tests.waiting import eventually, in_threads


@pytest.fixture
def hub(database: Database) -> Iterator[StreamHub]:
    made = StreamHub(database, 20)
    yield made
    made.close()


def follow(hub: StreamHub, position: Position, count: int) -> list[str]:
    """Return the tickets of the next `count` events."""
    found: list[str] = []
    while len(found) < count:
        events = hub.following(position, 5)
        found += [event.position.ticket_id for event in events]
        position = events[-1].position if events else position
    return found


@pytest.mark.parametrize(("chars", "seconds"), [(4_000_000, 10.0), (1, 10.0), (4_000_000, 0.0)])
def test_however_little_is_kept_every_stream_sees_every_event_once(
    hub: StreamHub,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    chars: int,
    seconds: float,
) -> None:
    monkeypatch.setattr(stream_hub, "KEPT_CHARS", chars)
    monkeypatch.setattr(stream_hub, "KEPT_S", seconds)
    written: list[str] = []

    def work(index: int) -> list[str]:
        if index == 0:
            for _ in range(20):
                with database.transaction() as tx:
                    written.append(create(tx))
            return []
        with hub.place():
            return follow(hub, BEGINNING, 20)

    seen = in_threads(6, work)
    assert all(found == written for found in seen[1:])


def test_a_stream_that_comes_later_begins_where_it_says(hub: StreamHub, database: Database) -> None:
    with database.transaction() as tx:
        tickets = [create(tx) for _ in range(3)]
    settled(database)
    with hub.place():
        assert follow(hub, BEGINNING, 3) == sorted(tickets)
    eventually(lambda: hub._reader is None)
    with database.transaction() as tx:
        later = create(tx)
    settled(database)
    with hub.place():
        assert follow(hub, BEGINNING, 4)[-1] == later


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_waiting_ends_when_the_hub_closes(hub: StreamHub) -> None:
    with hub.place():
        waiting = threading.Thread(target=hub.following, args=(Position(2**62), 60))
        waiting.start()
        hub.close()
        waiting.join(5)
        assert not waiting.is_alive()
    with pytest.raises(Unavailable, match="stopping"), hub.place():
        pass
