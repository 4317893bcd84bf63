"""Small bodies are handled while their sender waits."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from services.intake.bulk.chunks import Chunk
from services.intake.bulk.line import Outcome, result
from services.intake.bulk.reading import LineReader
from services.intake.bulk.receiving import BulkBody
from services.intake.bulk.store import LineStore
from shared.db.engine import Database
from shared.domain.bulk import CHUNK_BYTES
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable

#: A body of long lines is a large one too.
ANSWERED_BYTES = 2 * CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Answering:
    """Handles chunks one after the other, each in a transaction of its own."""

    database: Database
    clock: Clock
    reader: LineReader
    store: LineStore

    def answer(self, body: BulkBody, chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
        """Make the tickets of a body; return a result for each line that is not blank.

        Raises Unavailable if the database failed before anything was stored; later, the lines that
        are left are answered with it, to be sent again.
        """
        results: list[dict[str, Any]] = []
        failed: Unavailable | None = None
        for chunk in chunks:
            lines, refused = self.reader.read(chunk, body.order.mode, body.lane)
            outcomes: dict[int, Outcome] = dict(refused)
            if failed is None:
                try:
                    with self.database.transaction() as tx:
                        outcomes |= self.store.store(tx, body.order, lines, self.clock.now())
                except Unavailable as error:
                    if not results:
                        raise
                    failed = error
            if failed is not None:
                outcomes |= dict.fromkeys((line.number for line in lines), failed)
            results += [result(number, outcomes[number]) for number in sorted(outcomes)]
        return results


def take_few(chunks: Iterator[Chunk], lines: int) -> tuple[list[Chunk], bool]:
    """Take chunks until there are more than `lines` lines; return them and whether that was all."""
    taken: list[Chunk] = []
    count = size = 0
    for chunk in chunks:
        taken.append(chunk)
        count += len(chunk.lines)
        size += sum(map(len, chunk.lines))
        if count > lines or size > ANSWERED_BYTES:
            return taken, False
    return taken, True
