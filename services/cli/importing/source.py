"""The file: packed or not, lines of JSON or CSV, in whatever encoding; read as a stream."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.importing.columns import Columns

_GZIP_MAGIC = b"\x1f\x8b"
#: Far beyond what a desk takes; a file without ends of lines would fill the memory.
MAX_LINE_BYTES = 16 * 1024**2
#: A cell may be as long as a description; the csv module's own limit is for safety alone.
MAX_CELL_CHARS = 1024**2


class BadSource(Exception):
    """The file cannot be read; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """A ticket as it is sent, and the line of the file that it begins at."""

    line: int
    body: bytes


class Source:
    """A file or standard input (`-`). `position` is how many of its `size` bytes were read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._raw = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 -- close
        self.size = None if name == "-" else Path(name).stat().st_size
        buffered = io.BufferedReader(self._raw)  # type: ignore[type-var]
        packed = buffered.peek(2)[:2] == _GZIP_MAGIC
        self._file: io.BufferedReader[Any] = (
            io.BufferedReader(gzip.GzipFile(fileobj=buffered)) if packed else buffered
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()

    @property
    def position(self) -> int:
        """How many bytes of the file, as it lies there, were read."""
        return 0 if self.size is None else self._raw.tell()

    @property
    def is_csv(self) -> bool:
        """Whether the name says that it is CSV."""
        return self._name.lower().removesuffix(".gz").endswith(".csv")

    def json_lines(self, encoding: str) -> Iterator[Record]:
        """Yield lines of JSON as they are; raises BadSource for what is not in the encoding."""
        if encoding in ("utf-8", "utf-8-sig"):
            # The desk says of each line what is wrong with it.
            for number, line in enumerate(self._lines(), 1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                yield Record(number, text.rstrip(b"\r\n"))
            return
        for number, line in enumerate(self._lines(), 1):
            try:
                yield Record(number, line.decode(encoding).rstrip("\r\n").encode())
            except UnicodeDecodeError as error:
                raise self._undecodable(encoding, error) from error

    def _lines(self) -> Iterator[bytes]:
        number = 0
        while line := self._file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise BadSource(
                    f"{self._name}, line {number}: more than {MAX_LINE_BYTES} bytes; is it NDJSON?"
                )
            yield line

    def csv_rows(
        self, encoding: str, delimiter: str | None, columns_for: Callable[[list[str]], Columns]
    ) -> Iterator[Record]:
        """Yield the rows of CSV as tickets; `columns_for` says what the columns of a header are."""
        csv.field_size_limit(MAX_CELL_CHARS)
        text = io.TextIOWrapper(self._file, encoding=encoding, newline="")
        try:
            rows = csv.reader(text, delimiter=delimiter or self._delimiter(encoding), strict=True)
            header = next(rows, None)
            if header is None:
                raise BadSource(f"{self._name} is empty; its first row must name the columns.")
            header[0] = header[0].removeprefix("\ufeff")
            columns, line = columns_for(header), rows.line_num + 1
            for cells in rows:
                if any(cells):
                    document = columns.document(cells)
                    yield Record(line, json.dumps(document, ensure_ascii=False).encode())
                line = rows.line_num + 1
        except UnicodeDecodeError as error:
            raise self._undecodable(encoding, error) from error
        except csv.Error as error:
            raise BadSource(f"{self._name}, line {rows.line_num}: {error}.") from error
        finally:
            # It would close the file with itself.
            text.detach()

    def _undecodable(self, encoding: str, error: UnicodeDecodeError) -> BadSource:
        return BadSource(
            f"{self._name} is not {encoding} ({error.reason}); say what it is: --encoding cp1251."
        )

    def _delimiter(self, encoding: str) -> str:
        """Guess by the first line: whatever of the usual ones is there most often."""
        start = self._file.peek(4096)
        first = start.decode(encoding, errors="replace").partition("\n")[0]
        return max(",;\t|", key=first.count)
