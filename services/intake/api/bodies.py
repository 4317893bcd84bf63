"""The body of a request: in time, whole, of a known encoding and of a bounded size."""

import zlib

from flask import current_app, request
from werkzeug.exceptions import ClientDisconnected

from services.intake.api.media_types import MediaTypeRefused
from services.intake.slow_bodies import SlowBodies
from shared.domain.errors import MalformedRequest, TooLarge, TooSlow

#: Bytes read at once; between two pieces the time is looked at.
PIECE_BYTES = 65_536

#: For zlib: a window of 32 KiB, and the frame of gzip (RFC 1952).
_GZIP = 16 + zlib.MAX_WBITS


def read_body() -> bytes:
    """Return the body, unpacked.

    Raises TooLarge, TooSlow, MalformedRequest if it broke off or cannot be unpacked, and
    MediaTypeRefused for an encoding that is not known (RFC 9110 §8.4).
    """
    data = _received()
    coding = request.headers.get("Content-Encoding")
    if not coding or coding.strip().lower() == "identity":
        return data
    if coding.strip().lower() not in ("gzip", "x-gzip"):
        message = f"The encoding {coding[:40]!r} is not known here; send gzip, or none."
        raise MediaTypeRefused(message, {"Accept-Encoding": "gzip, identity"})
    return unpack(data, request.max_content_length or 0)


def unpack(data: bytes, limit: int) -> bytes:
    """Unpack gzip, of one member or several; never holds more than `limit` bytes and one."""
    unpacked = b""
    while data:
        reader = zlib.decompressobj(_GZIP)
        try:
            unpacked += reader.decompress(data, limit + 1 - len(unpacked))
        except zlib.error as error:
            message = f"The body is not gzip, as Content-Encoding says: {error}."
            raise MalformedRequest(message) from error
        if len(unpacked) > limit:
            message = f"The body is larger than {limit} bytes when unpacked. Send it in parts."
            raise TooLarge(message)
        if not reader.eof:
            message = "The body breaks off before the end of its gzip frame."
            raise MalformedRequest(message)
        data = reader.unused_data
    return unpacked


def _received() -> bytes:
    slow: SlowBodies = current_app.extensions["patchbay"].slow_bodies
    stream, length = request.stream, request.content_length
    pieces: list[bytes] = []
    port = int(request.environ.get("SERVER_PORT") or 0)
    with slow.reading(request.remote_addr or "", port) as reading:
        try:
            while not reading.late and (piece := stream.read(PIECE_BYTES)):
                pieces.append(piece)
        except ClientDisconnected:
            length = -1
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if reading.late:
        message = "The body did not arrive in time; nothing was done. Send it again, all at once."
        raise TooSlow(message)
    if length is not None and length != len(data):
        message = f"The body broke off after {len(data)} bytes; nothing was done. Send it again."
        raise MalformedRequest(message)
    return data
