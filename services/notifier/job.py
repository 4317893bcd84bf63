"""A leased delivery, on its way from the claim to its sender and its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notifier.places import places_of
from shared.db.engine import Row
from shared.domain.endpoint_health import Health


@dataclass(frozen=True, slots=True)
class Job:
    """A leased delivery with everything that is needed to send it.

    `endpoint` and `health`, as they were at `leased_at`, are those of a webhook; an endpoint that
    nobody has tried has no health.
    """

    delivery: Row
    token: str
    body: str
    leased_at: datetime
    endpoint: Row | None = None
    health: Health | None = None

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return int(self.delivery["attempts"]) + 1

    @property
    def places(self) -> int:
        """How many places of its channel it takes."""
        return places_of(self.delivery["octets"])

    @property
    def receiver(self) -> str:
        """The subscription's id, or the address."""
        return str(self.delivery["receiver"])


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim leased; `more` says that there may be more for which there is room."""

    jobs: Sequence[Job]
    more: bool
