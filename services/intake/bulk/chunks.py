"""Lines out of pieces, some hundred at a time; the memory it takes does not grow with the body."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.domain.bulk import CHUNK_BYTES, CHUNK_LINES, BulkLimits
from shared.domain.errors import TooLarge

#: RFC 8259 §8.1 lets a reader pass over it.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that follow one another, the first of them with this number. Lines count from 1."""

    first_line: int
    lines: Sequence[bytes]

    @property
    def body(self) -> bytes:
        """The lines as they came, but for the ends of those that are too long."""
        return b"\n".join(self.lines)

    @property
    def digest(self) -> str:
        """The SHA-256 of the lines, in hex."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def last_line(self) -> int:
        """The number of the last line."""
        return self.first_line + len(self.lines) - 1


def chunks(pieces: Iterable[bytes], first_line: int, limits: BulkLimits) -> Iterator[Chunk]:
    """Yield the lines of a body.

    A line beyond the limit comes cut to one byte more than it, so that whoever reads it sees that
    it is too long. Raises TooLarge when there are more lines than the limit.
    """
    waiting: list[bytes] = []
    size, number = 0, first_line
    for line in _lines(pieces, limits.max_line_bytes + 1):
        if number > limits.max_lines:
            message = f"The body has more than {limits.max_lines} lines. Send it in parts."
            raise TooLarge(message)
        waiting.append(line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line)
        size += len(line)
        number += 1
        if len(waiting) >= CHUNK_LINES or size >= CHUNK_BYTES:
            yield Chunk(number - len(waiting), waiting)
            waiting, size = [], 0
    if waiting:
        yield Chunk(number - len(waiting), waiting)


def _lines(pieces: Iterable[bytes], longest: int) -> Iterator[bytes]:
    """Yield the lines without their ends; the last one needs no end."""
    rest = b""
    for piece in pieces:
        parts = (rest + piece).split(b"\n")
        rest = parts.pop()[:longest]
        for part in parts:
            yield part[:longest]
    if rest:
        yield rest
