"""The storage of attachments: a file is put, read and deleted."""

import hashlib
import secrets
from collections.abc import Iterator
from time import perf_counter

from services.cli.doctor.finding import Finding, error, ok
from shared.domain.ids import Prefix, new_id
from shared.settings import Settings
from shared.storage.base import ObjectMissing, object_key
from shared.storage.factory import storage_for


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield findings about the storage; raises Unavailable for one that cannot be used."""
    storage = storage_for(settings)
    content = f"patchbay doctor {secrets.token_hex(8)}".encode()
    key = object_key(hashlib.sha256(content).hexdigest(), new_id(Prefix.ATTACHMENT))
    started = perf_counter()
    try:
        storage.incoming.mkdir(parents=True, exist_ok=True)
        source = storage.incoming / key.replace("/", "-")
        source.write_bytes(content)
    except OSError as fault:
        yield error(
            f"{storage.incoming} cannot be written to: {fault.strerror}",
            "no file can be attached",
            "let the user of the services write there, and see that the disk has room",
        )
        return
    try:
        storage.put(key, source)
        try:
            same = b"".join(storage.read(key, 0, len(content))) == content
        except ObjectMissing:
            same = False
    finally:
        source.unlink(missing_ok=True)
        storage.delete([key])
    if same:
        yield ok(f"a file was stored, read and deleted in {perf_counter() - started:.2f} s")
    else:
        yield error(
            "a file that was stored cannot be read again",
            "attachments are lost",
            "see that PATCHBAY_STORAGE_URL names one storage, and no cache before it",
        )
