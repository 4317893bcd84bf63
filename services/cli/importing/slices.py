"""A file goes in slices, each a job under a key that follows from its content.

So nothing has to be kept about an import that broke off: started again, it makes the same slices,
and those that the desk has are answered at once.
"""

import hashlib
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from services.cli.importing.source import Record

SLICE_LINES = 50_000
SLICE_BYTES = 64 * 1024**2
#: What is larger is kept on disk.
IN_MEMORY_BYTES = 8 * 1024**2


class Slice:
    """Lines that are sent together; `lines` has where each was in the file."""

    def __init__(self, ordinal: int, options: str) -> None:
        self.ordinal = ordinal
        self.lines = array("Q")
        self.length = 0
        self._hash = hashlib.sha256(f"{ordinal}\0{options}\0".encode())
        self.body: IO[bytes] = _spool()

    @property
    def full(self) -> bool:
        """Whether it is time for the next one."""
        return len(self.lines) >= SLICE_LINES or self.length >= SLICE_BYTES

    @property
    def key(self) -> str:
        """The Idempotency-Key of the slice."""
        return f"import-{self._hash.hexdigest()[:48]}"

    def add(self, record: Record) -> None:
        """Add a line."""
        body = record.body + b"\n"
        self.body.write(body)
        self._hash.update(body)
        self.lines.append(record.line)
        self.length += len(body)

    def bodies(self, numbers: Iterator[int]) -> Iterator[bytes]:
        """Yield the lines with these numbers, which count from 1 and rise."""
        self.body.seek(0)
        reached = 0
        for number in numbers:
            line = b""
            while reached < number:
                line, reached = self.body.readline(), reached + 1
            yield line.rstrip(b"\n")


@contextmanager
def slices(records: Iterable[Record], options: str) -> Iterator[Iterator[Slice]]:
    """Yield slices one after the other; each is gone when the next is asked for."""
    made = _slices(records, options)
    try:
        yield made
    finally:
        made.close()


def _slices(records: Iterable[Record], options: str) -> Any:
    current = Slice(1, options)
    try:
        for record in records:
            if current.full:
                yield current
                current.body.close()
                current = Slice(current.ordinal + 1, options)
            current.add(record)
        if current.lines:
            yield current
    finally:
        current.body.close()


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)
