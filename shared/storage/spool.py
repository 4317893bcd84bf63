"""Files that are still arriving: counted and hashed while they are written, removed if unwanted."""

import hashlib
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.domain.errors import Unavailable


class Spool:
    """One arriving file. Leaving the block removes it, unless it was put into the storage.

    `allow` is told the new size before each write, and raises if that is too much.
    """

    def __init__(self, folder: Path, allow: Callable[[int], None]) -> None:
        self._allow = allow
        self._hash = hashlib.sha256()
        self.size = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115
        except OSError as error:
            raise _full(error) from error
        self.path = Path(self._file.name)

    def write(self, data: bytes | bytearray) -> None:
        """Add bytes; raises what `allow` raises, or Unavailable if the disk has no room."""
        self._allow(self.size + len(data))
        try:
            self._file.write(data)
        except OSError as error:
            raise _full(error) from error
        self._hash.update(data)
        self.size += len(data)

    def finish(self) -> str:
        """Write out what is buffered; return the SHA-256 in hex."""
        try:
            self._file.close()
        except OSError as error:
            raise _full(error) from error
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def discard_leftovers(folder: Path, before: datetime) -> int:
    """Remove what crashes left of files that began to arrive before a moment; return how many."""
    if not folder.exists():
        return 0
    removed = 0
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue
    return removed


def _full(error: OSError) -> Unavailable:
    return Unavailable(f"The file could not be stored here: {error.strerror}.")
