"""A body in pieces: unpacked if it is gzip, and never more of it than the limit allows."""

import zlib
from collections.abc import Callable, Iterator

from shared.domain.errors import MalformedRequest, TooLarge

#: Bytes read from the connection at once.
PIECE_BYTES = 65_536
#: Bytes that one piece may unpack to; a bomb gives its bytes one handful after the other.
UNPACKED_BYTES = 1024**2

#: For zlib: a window of 32 KiB, and the frame of gzip (RFC 1952).
_GZIP = 16 + zlib.MAX_WBITS


def pieces(read: Callable[[int], bytes], limit: int, *, gzip: bool) -> Iterator[bytes]:
    """Yield a body piece by piece, unpacked.

    Raises TooLarge beyond `limit` bytes, MalformedRequest for what is no whole gzip.
    """
    total = 0
    for piece in _unpacked(read) if gzip else _as_sent(read):
        total += len(piece)
        if total > limit:
            message = f"The body is larger than {limit} bytes. Send it in parts."
            raise TooLarge(message)
        yield piece


def _as_sent(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(PIECE_BYTES):
        yield piece


def _unpacked(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Unpack gzip, of one member or several."""
    reader, begun = zlib.decompressobj(_GZIP), False
    while packed := read(PIECE_BYTES):
        while packed:
            if reader.eof:
                reader = zlib.decompressobj(_GZIP)
            begun = True
            try:
                piece = reader.decompress(packed, UNPACKED_BYTES)
            except zlib.error as error:
                message = f"The body is not gzip, as Content-Encoding says: {error}."
                raise MalformedRequest(message) from error
            packed = reader.unused_data if reader.eof else reader.unconsumed_tail
            if piece:
                yield piece
    if begun and not reader.eof:
        message = "The body breaks off before the end of its gzip frame. Send it again."
        raise MalformedRequest(message)
