"""The seam: what everybody may ask of a storage of files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

#: How much is read and handed on at a time, in bytes.
CHUNK_BYTES = 256 * 1024

KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.[a-z]{3}_[0-9a-f]{32}")


class ObjectMissing(Exception):
    """There is nothing under this key."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object: its key and when it was written."""

    key: str
    written_at: datetime


def object_key(sha256: str, owner_id: str) -> str:
    """Return the key of a content: its SHA-256 in hex, and the id of the row that owns it.

    The content says what is in it, so that a copy can be checked; the id makes each owner's copy
    its own, so that one can be deleted without counting references.
    """
    return f"{sha256[:2]}/{sha256}.{owner_id}"


class Storage(Protocol):
    """A storage of whole files by key. All but `incoming` raise Unavailable when it is away."""

    @property
    def incoming(self) -> Path:
        """The folder on this machine where files are collected before they are put."""
        ...

    def put(self, key: str, source: Path) -> None:
        """Move a file from `incoming` into the storage.

        When this returns, the content is durable and whole; before, nobody can see any of it.
        """
        ...

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes from `start` up to `stop`, in chunks; raises ObjectMissing at once."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already are passed over."""
        ...

    def objects(self) -> Iterator[StoredObject]:
        """Return everything there is, in any order, without holding it in memory."""
        ...
