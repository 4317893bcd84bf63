"""What the views need for bulk bodies, put together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.intake.bulk.answering import Answering
from services.intake.bulk.reading import LineReader
from services.intake.bulk.receiving import Receiving
from services.intake.bulk.store import LineStore
from services.intake.reference import ReferenceData
from shared.db.engine import Database
from shared.domain.attachment import AttachmentRules
from shared.domain.bulk import BulkLimits
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.lifecycle import LifeRules

#: Bodies that one process receives at the same time; each holds a thread for as long as it comes.
BODIES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class BulkDesk:
    """Receives bodies and answers them."""

    limits: BulkLimits
    receiving: Receiving
    answering: Answering
    _places: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(BODIES_AT_ONCE)
    )

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place while a body comes; raises Unavailable when all are taken."""
        if not self._places.acquire(blocking=False):
            message = f"{BODIES_AT_ONCE} bulk bodies are coming already; send yours a little later."
            raise Unavailable(message)
        try:
            yield
        finally:
            self._places.release()


def build(
    database: Database,
    clock: Clock,
    reference: ReferenceData,
    limits: BulkLimits,
    rules: LifeRules,
    attached: AttachmentRules,
) -> BulkDesk:
    """Put it together."""
    reader, store = LineReader(reference, limits), LineStore(rules, limits.kept, attached)
    return BulkDesk(
        limits,
        Receiving(database, clock, limits),
        Answering(database, clock, reader, store),
    )
