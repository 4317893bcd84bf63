"""A file that comes in: spooled, counted, hashed, looked at, and put into the storage."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.intake.content.inspection import ContentPolicy, inspect
from shared.domain.attachment import AttachmentRules
from shared.domain.file_name import clean_name, with_suffix
from shared.domain.ids import Prefix, new_id
from shared.failpoints import failpoint
from shared.storage.base import Storage, object_key
from shared.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class Receiving:
    """What a file needs on its way in."""

    storage: Storage
    rules: AttachmentRules
    policy: ContentPolicy

    def spool(self, before: int = 0) -> Spool:
        """Return an empty file that grows to the limits at most.

        `before` is the size of the files that come with it, in bytes.
        """

        def allow(size: int) -> None:
            self.rules.require_size(size)
            self.rules.require_room({"count": 0, "size": before}, 0, size)

        return Spool(self.storage.incoming, allow)

    def declared_spool(self, allow: Callable[[int], None]) -> Spool:
        """Return an empty file that grows as far as `allow` lets it."""
        return Spool(self.storage.incoming, allow)

    def look(self, spool: Spool, name: str) -> dict[str, Any]:
        """Finish a file and look at its content; return name, media_type, size and sha256.

        Raises FileTypeRefused or FileRefused.
        """
        sha256 = spool.finish()
        cleaned = clean_name(name)
        with spool.path.open("rb") as file:
            found = inspect(file, spool.size, cleaned, self.policy)
        return {
            "name": with_suffix(cleaned, found.suffixes),
            "media_type": found.name,
            "size": spool.size,
            "sha256": sha256,
        }

    def keep(self, spool: Spool, content: dict[str, Any]) -> dict[str, Any]:
        """Put a file that was looked at into the storage; return the content with its key."""
        # An id of its own for each copy, so that a second content of an upload replaces none.
        key = object_key(content["sha256"], new_id(Prefix.ATTACHMENT))
        self.storage.put(key, spool.path)
        failpoint("upload.stored")
        return {**content, "storage_key": key}
