"""What views of files share: how they come in, how many at a time, and how they are thrown away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.intake.api.transfers import Slots
from services.intake.attachments.receiving import Receiving
from shared.domain.errors import Unavailable
from shared.observability.logging import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Files:
    """The parts of the application that files need."""

    receiving: Receiving
    uploads: Slots
    downloads: Slots
    #: How long a body may take, in seconds.
    timeout_s: float
    #: How long a declared upload is kept.
    upload_ttl: timedelta

    def discard(self, keys: Sequence[str]) -> None:
        """Delete contents whose rows are gone or never came.

        A storage that is away does not matter: what stays is found and removed later.
        """
        try:
            self.receiving.storage.delete(keys)
        except Unavailable as error:
            log.warning("attachments.not_discarded", keys=list(keys), error=error.detail)
