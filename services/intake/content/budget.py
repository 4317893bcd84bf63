"""How much an archive may unpack to; shared by everything inside one file, however deep."""

from dataclasses import dataclass

from services.intake.content.refusals import Reason, refused

#: Files in an archive, with those of the archives inside it.
MAX_ENTRIES = 10_000
#: The list of them at the end of a ZIP file, in bytes: 300 for each.
MAX_DIRECTORY_BYTES = 3_000_000
#: What all of them may unpack to, in bytes.
MAX_UNPACKED_BYTES = 2 * 1024**3
#: How many times its own size an archive may unpack to. Deflate reaches 1,032 on zeros alone; logs
#: shrink to a twentieth.
MAX_RATIO = 200
#: Below this, in bytes, the ratio says nothing: a small file of zeros does no harm.
RATIO_FROM_BYTES = 20 * 1024**2
#: How deep archives may lie in archives.
MAX_DEPTH = 2
#: How much of inner archives is unpacked to look into them, in bytes.
MAX_INSPECTED_BYTES = 128 * 1024**2


@dataclass(slots=True)
class Budget:
    """What is left to be spent on one uploaded file of `size` bytes."""

    size: int
    entries: int = 0
    unpacked: int = 0
    inspected: int = 0

    def add_entry(self, unpacked: int) -> None:
        """Count a file in an archive by the size that it says to unpack to."""
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            message = f"The archive holds more than {MAX_ENTRIES} files."
            raise refused(Reason.BOMB, message)
        self.add_unpacked(unpacked)

    def add_unpacked(self, count: int) -> None:
        """Count bytes that come out of an archive."""
        self.unpacked += count
        if self.unpacked > MAX_UNPACKED_BYTES:
            message = f"The archive unpacks to more than {MAX_UNPACKED_BYTES} bytes."
            raise refused(Reason.BOMB, message)
        if self.unpacked > max(RATIO_FROM_BYTES, self.size * MAX_RATIO):
            message = f"The archive unpacks to more than {MAX_RATIO} times its size."
            raise refused(Reason.BOMB, message)

    def add_inspected(self, count: int) -> None:
        """Count bytes that were unpacked to be looked at."""
        self.inspected += count
        if self.inspected > MAX_INSPECTED_BYTES:
            message = "The archives inside the archive are too large to be checked."
            raise refused(Reason.NESTED, message)
