"""What is attached to tickets: kinds, what the virus scan said, and how much is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.domain.errors import TooLarge


class AttachmentKind(StrEnum):
    """A file that we keep, or a link to what somebody else keeps."""

    FILE = "file"
    LINK = "link"


class ScanState(StrEnum):
    """What is known about viruses.

    pending: to be scanned, and not served until then. skipped: nothing scans, or it is a link.
    """

    PENDING = "pending"
    CLEAN = "clean"
    INFECTED = "infected"
    SKIPPED = "skipped"


#: What every refusal of a large file advises.
WAY_OUT = (
    "Compress it, or put it on a file host and attach the link: "
    '{"kind": "link", "url": "https://…"}.'
)


@dataclass(frozen=True, slots=True)
class AttachmentRules:
    """How much one file, and one ticket, may hold; `scan` if a virus scanner looks at files."""

    max_bytes: int
    max_count: int
    max_total_bytes: int
    scan: bool

    def require_size(self, size: int) -> None:
        """Raise TooLarge if a file of `size` bytes is too large."""
        if size > self.max_bytes:
            message = f"The file is larger than {self.max_bytes} bytes. {WAY_OUT}"
            raise TooLarge(message, max_bytes=self.max_bytes)

    def require_room(self, present: Mapping[str, Any], count: int, size: int) -> None:
        """Raise TooLarge if `count` more attachments of `size` bytes exceed a ticket's limits.

        `present` has the `count` and `size` (bytes) of what the ticket holds already.
        """
        if present["count"] + count > self.max_count:
            message = f"A ticket holds at most {self.max_count} attachments."
            raise TooLarge(message, max_count=self.max_count)
        if present["size"] + size > self.max_total_bytes:
            message = (
                f"The files of a ticket together may have {self.max_total_bytes} bytes. {WAY_OUT}"
            )
            raise TooLarge(message, max_total_bytes=self.max_total_bytes)
