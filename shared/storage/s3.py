"""An S3 bucket, or anything that speaks its protocol: `s3://BUCKET/PREFIX`. Needs the extra `s3`.

S3 has no renaming, but an object appears only when all of it has come: a PUT is one step, and the
parts of a large one are joined by the last request. So there is nothing temporary to clean up but
parts of uploads that a crash cut off, which S3 removes by a lifecycle rule.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from shared.domain.errors import Unavailable
from shared.storage.base import CHUNK_BYTES, KEY, ObjectMissing, StoredObject

#: Parts of a large upload, 5 MiB the least that S3 takes; two in memory at a time.
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 2
RETRIES = 3
RETRY_FOR = timedelta(seconds=20)
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 60


class S3Storage:
    """Objects of a bucket below a prefix."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        endpoint: str | None,
        region: str | None,
        access_key_id: str | None,
        secret_access_key: str | None,
    ) -> None:
        given = {
            "endpoint": endpoint,
            "region": region,
            "access_key_id": access_key_id,
            "secret_access_key": secret_access_key,
        }
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            # Most servers that are not Amazon's know no host names of buckets.
            virtual_hosted_style_request=endpoint is None,
            client_options={
                "allow_http": bool(endpoint and endpoint.startswith("http:")),
                "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
                "timeout": timedelta(seconds=READ_TIMEOUT_S),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_FOR},
            **{name: value for name, value in given.items() if value},  # type: ignore[arg-type]
        )

    @property
    def incoming(self) -> Path:
        """A folder of this machine."""
        return Path(tempfile.gettempdir()) / "patchbay-incoming"

    def put(self, key: str, source: Path) -> None:
        """Send a file, in parts if it is large, and remove it here."""
        try:
            with source.open("rb") as file:
                obstore.put(
                    self._store, key, file, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
        except (BaseError, OSError) as error:
            raise _away(error) from error
        source.unlink()

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Ask for the part now and stream it when the chunks are asked for."""
        if stop <= start:
            return iter(())
        try:
            found = obstore.get(self._store, key, options={"range": (start, stop)})
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        except (BaseError, OSError) as error:
            raise _away(error) from error

        def chunks() -> Iterator[bytes]:
            try:
                for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                    yield bytes(chunk)
            except (BaseError, OSError) as error:
                raise _away(error) from error

        return chunks()

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects."""
        if not keys:
            return
        try:
            obstore.delete(self._store, list(keys))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _away(error) from error

    def objects(self) -> Iterator[StoredObject]:
        """List the bucket, page by page."""
        try:
            for some in obstore.list(self._store):
                for each in some:
                    if KEY.fullmatch(each["path"]):
                        yield StoredObject(each["path"], each["last_modified"])
        except (BaseError, OSError) as error:
            raise _away(error) from error


def _away(error: Exception) -> Unavailable:
    # The first line is the cause; what follows is the client's own dump of itself.
    cause = str(error).partition("\n")[0]
    return Unavailable(f"The storage of attachments cannot be used: {cause}")
