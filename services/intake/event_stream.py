"""Server-sent events (WHATWG HTML, §9.2): the feed as a stream that ends and is taken up again."""

from collections.abc import Callable, Generator, Iterator
from time import monotonic

from services.intake.stream_hub import StreamHub
from shared.db.feed import FeedEvent, Position
from shared.domain.errors import PatchbayError

#: How long a client waits before it connects again, in milliseconds.
RETRY_MS = 2000
#: After how much silence a sign of life is sent, in seconds; proxies cut silent connections.
HEARTBEAT_S = 10.0


def frames(
    hub: StreamHub,
    position: Position,
    wanted: Callable[[FeedEvent], bool],
    cursor: Callable[[Position], str],
    still_allowed: Callable[[], object],
    max_s: float,
) -> Generator[bytes]:
    """Yield what is sent, from behind `position` on, until `max_s` are over or the process stops.

    `wanted` chooses events; the cursor moves over the others too, by an `id` without data, so that
    a client that comes back does not have them looked through again. `still_allowed` raises when
    the key has ended, which ends the stream.
    """
    with hub.place():
        yield f"retry: {RETRY_MS}\nid: {cursor(position)}\n\n".encode()
        ends_at = monotonic() + max_s
        told = position
        beat_at = monotonic() + HEARTBEAT_S
        while not hub.stopping and (left_s := ends_at - monotonic()) > 0:
            try:
                wait_s = max(0.0, min(left_s, beat_at - monotonic()))
                events = hub.following(position, wait_s)
                if monotonic() >= beat_at:
                    still_allowed()
            except PatchbayError as error:
                yield f": {error.detail}\n\n".encode()
                return
            for event in events:
                position = event.position
                if wanted(event):
                    told = position
                    yield _event(event, cursor(position))
            if monotonic() >= beat_at:
                beat_at = monotonic() + HEARTBEAT_S
                moved = f"id: {cursor(position)}\n" if position != told else ""
                told = position
                yield f": still here\n{moved}\n".encode()


def _event(event: FeedEvent, cursor: str) -> bytes:
    # The body is compact JSON, in which a line break can only be escaped.
    return f"id: {cursor}\nevent: {event.type}\ndata: {event.body}\n\n".encode()


class Stream:
    """An iterator that begins with a frame already made; closing it gives the stream's place back.

    A generator that chained the two would not run its `finally` if the client went away before the
    first frame was sent.
    """

    def __init__(self, first: bytes, rest: Generator[bytes]) -> None:
        self._first: bytes | None = first
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        return next(self._rest) if first is None else first

    def close(self) -> None:
        """End the stream; the server calls it when the client has gone."""
        self._rest.close()
