"""Mail as files: one `.eml` a delivery, for development and for handing over to another mailer.

The same delivery always writes the same name with the same bytes, so it may be repeated at any
time. That is why `on_data` is not called: there is no step after which the fate of a mail would be
undecidable, and a crash must not leave a delivery `unknown` that can simply be done again.
"""

import asyncio
import os
import re
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import perf_counter

from services.notifier.channels.base import Delivered, Outcome, OutgoingMail, TemporaryFailure

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}")


class EmlFolderChannel:
    """Writes each mail to `<folder>/<delivery_id>.eml`; the folder is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: OutgoingMail) -> Outcome:
        """Store one mail; Delivered means that the file and its name are on the disk.

        Raises ValueError when the delivery id cannot be a file name.
        """
        if not _FILE_NAME.fullmatch(mail.delivery_id):
            raise ValueError("the delivery id cannot be a file name")
        started = perf_counter()
        path = self._folder / f"{mail.delivery_id}.eml"
        try:
            await asyncio.to_thread(_write, path, mail.message)
        except OSError as fault:
            reason = f"the mail folder cannot be written: {fault.strerror}"
            return TemporaryFailure(reason, duration_ms=_since_ms(started))
        return Delivered(None, f"written to {path.name}", _since_ms(started))

    async def close(self) -> None:
        """Nothing is held open."""


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise
    # Without this the name may be lost with the power although the content is safe.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _since_ms(started: float) -> int:
    return int((perf_counter() - started) * 1000)
