"""Newline-delimited JSON: bodies that come as a stream, and answers that go as one."""

from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, TypeVar

from flask import current_app, request
from werkzeug.exceptions import ClientDisconnected

from services.intake.api.media_types import NDJSON, NDJSON_TYPES, MediaTypeRefused
from services.intake.bulk.unpacking import pieces
from services.intake.slow_bodies import SlowBodies
from shared.domain.errors import LengthRequired, MalformedRequest, TooSlow

R = TypeVar("R")


def ndjson_body(view: Callable[..., R]) -> Callable[..., R]:
    """Mark a view that reads its body by `body_pieces`."""
    view.media_type = NDJSON  # type: ignore[attr-defined]
    view.media_types = NDJSON_TYPES  # type: ignore[attr-defined]
    return view


def body_pieces(limit: int) -> Iterator[bytes]:
    """Yield the body of the request piece by piece, unpacked if it is gzip.

    Raises LengthRequired if neither a length nor gzip tells where it ends: a connection that
    breaks would look like the end of the body. Raises TooLarge beyond `limit` bytes, and
    MalformedRequest if the body breaks off.
    """
    coding = (request.headers.get("Content-Encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        message = f"The encoding {coding[:40]!r} is not known here; send gzip, or none."
        raise MediaTypeRefused(message, {"Accept-Encoding": "gzip, identity"})
    if coding == "identity" and request.content_length is None:
        message = "Send Content-Length, or the body as gzip, which tells where it ends."
        raise LengthRequired(message)
    request.max_content_length = limit
    return pieces(_reader(request.stream, request.content_length), limit, gzip=coding != "identity")


def _reader(stream: IO[bytes], length: int | None) -> Callable[[int], bytes]:
    """Return a read that notices when less comes than the length says.

    Werkzeug leaves that to servers that mark the end of a body, and ours does not tell an end from
    a connection that broke.
    """
    received = 0

    slow: SlowBodies = current_app.extensions["patchbay"].slow_bodies
    address, port = request.remote_addr or "", int(request.environ.get("SERVER_PORT") or 0)

    def read(count: int) -> bytes:
        nonlocal received
        with slow.reading(address, port) as reading:
            try:
                piece = stream.read(count)
            except ClientDisconnected:
                piece = b""
        if reading.late:
            raise TooSlow("A piece of the body did not arrive in time. Send it again.")
        received += len(piece)
        if not piece and length is not None and received != length:
            message = f"The body broke off after {received} of {length} bytes. Send it again."
            raise MalformedRequest(message)
        return piece

    return read


def described(
    item: dict[str, Any], what: str, media_types: Sequence[str] = NDJSON_TYPES
) -> dict[str, Any]:
    """Return the OpenAPI description of a stream of items.

    OpenAPI 3.1 has no word for the items of a stream; 3.2 calls it `itemSchema`.
    """
    schema = {"type": "string", "minLength": 1, "description": what, "x-itemSchema": item}
    return {media_type: {"schema": schema} for media_type in media_types}
