"""A local folder: `file:PATH`."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from shared.domain.errors import Unavailable
from shared.storage.base import CHUNK_BYTES, KEY, ObjectMissing, StoredObject


class LocalStorage:
    """Files below a folder, two levels deep; the incoming ones on the same file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def incoming(self) -> Path:
        """The folder for files that are still arriving."""
        return self._folder / "incoming"

    def put(self, key: str, source: Path) -> None:
        """Move a file here by renaming it, and see that both survive a power cut."""
        target = self._path(key)
        try:
            _sync(source)
            if not target.parent.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                _sync(target.parent.parent)
            source.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise _away(error) from error

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Look now whether the file is there; open and read it when the chunks are asked for."""
        path = self._path(key)
        try:
            path.stat()
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        except OSError as error:
            raise _away(error) from error

        def chunks() -> Iterator[bytes]:
            with path.open("rb") as file:
                file.seek(start)
                left = stop - start
                while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                    left -= len(chunk)
                    yield chunk

        return chunks()

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files; folders stay, there are 256 of them."""
        try:
            for key in keys:
                self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise _away(error) from error

    def objects(self) -> Iterator[StoredObject]:
        """Walk the folders."""
        if not self._folder.exists():
            return
        for part in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for entry in os.scandir(part):
                key = f"{part.name}/{entry.name}"
                if KEY.fullmatch(key):
                    try:
                        written = datetime.fromtimestamp(entry.stat().st_mtime, UTC)
                    except FileNotFoundError:
                        continue
                    yield StoredObject(key, written)

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            # Keys are made by us; one of another shape is a fault that must not reach a file.
            message = f"{key!r} is not a key of the storage"
            raise ValueError(message)
        return self._folder / key


def _sync(path: Path) -> None:
    """Have a file's content, or a folder's entries, written to the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _away(error: OSError) -> Unavailable:
    return Unavailable(f"The storage of attachments cannot be used: {error.strerror}.")
