"""Bodies too large for memory: read in pieces, counted, and never by all threads at once.

A thread reads a body as fast as its client sends it. So that slow clients cannot occupy them all,
only so many transfers are under way at a time, and the next is told to come again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from flask import request

from shared.domain.errors import MalformedRequest, TooSlow, Unavailable

#: How much is read at a time, in bytes. The server fills it before it returns, so a larger one
#: would let a slow client pass its time by far.
PIECE_BYTES = 64 * 1024
UNLIMITED = 2**62

#: How much of a refused body is still read, in bytes: a client that is cut off while it sends
#: shows its user a broken connection, and not the answer that says what is allowed.
DRAIN_BYTES = 64 * 1024 * 1024


class Slots:
    """At most `count` transfers of one kind at a time in this process."""

    def __init__(self, count: int, noun: str) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._noun = noun

    def take(self) -> Callable[[], None]:
        """Take a slot and return what gives it back; raises Unavailable if none is free."""
        if not self._free.acquire(blocking=False):
            message = f"Too many {self._noun} are under way; try again in a moment."
            raise Unavailable(message)
        once = threading.Lock()

        def give_back() -> None:
            if once.acquire(blocking=False):
                self._free.release()

        return give_back

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a slot for the length of a block."""
        give_back = self.take()
        try:
            yield
        finally:
            give_back()


@contextmanager
def body_pieces(timeout_s: float) -> Iterator[Iterator[bytes]]:
    """Hand out the body of this request in pieces, and read the rest if the block refuses it.

    Raises TooSlow when the whole of it takes longer than `timeout_s` seconds, and MalformedRequest
    when the client goes away in the middle.
    """
    # The limit for JSON does not hold here; whoever takes the pieces counts them. (None would mean
    # the limit of the application.)
    request.max_content_length = UNLIMITED
    deadline = monotonic() + timeout_s
    pieces = _pieces(deadline)
    try:
        yield pieces
    except (TooSlow, Unavailable):
        raise
    except Exception:
        _drain(pieces)
        raise


def _pieces(deadline: float) -> Iterator[bytes]:
    received = 0
    while True:
        try:
            piece = request.stream.read(PIECE_BYTES)
        except OSError as error:
            message = "The body ended too early."
            raise MalformedRequest(message) from error
        if monotonic() > deadline:
            message = "The body took too long to come."
            raise TooSlow(message)
        if not piece:
            break
        received += len(piece)
        yield piece
    if request.content_length is not None and received < request.content_length:
        message = f"The body ended after {received} of {request.content_length} bytes."
        raise MalformedRequest(message)


def _drain(pieces: Iterator[bytes]) -> None:
    """Read on, without keeping it; the answer is a refusal whatever comes."""
    read = 0
    try:
        for piece in pieces:
            read += len(piece)
            if read > DRAIN_BYTES:
                break
    except (MalformedRequest, TooSlow):
        return
