"""Lines that were refused, in a file beside the one that was imported, to be mended and sent."""

import json
from pathlib import Path
from typing import IO, Any


class ErrorFile:
    """Written with the first error; an older one of the same name is replaced or removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None
        path.unlink(missing_ok=True)

    def write(self, line: int, problem: dict[str, Any], body: bytes) -> None:
        """Add a refused line: where it was in the file, why, and what it was."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8")
        told = {"line": line, "problem": problem, "ticket": _readable(body)}
        self._file.write(json.dumps(told, ensure_ascii=False) + "\n")
        self.count += 1

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
