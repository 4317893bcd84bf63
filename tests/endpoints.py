"""Endpoints, their deliveries and what became of them, below the API."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from services.notifier import health_repository
from services.notifier.channels.base import Outcome
from services.notifier.endpoint_claims import EndpointClaims
from services.notifier.job import Job
from services.notifier.places import Places
from services.notifier.repository import DeliveryRepository
from services.notifier.results import Results
from services.notifier.schedule import WEBHOOK_DELAYS_S
from shared.db.engine import Database
from shared.db.models import Delivery, EndpointHealth, Subscription
from shared.db.models.base import table
from shared.domain.endpoint_health import Health
from tests.factories import NOW, delivery, subscription
from tests.rows import rows

LEASE = timedelta(seconds=30)


class Exchange:
    """What one notifier process does with the database, by hand and at chosen moments."""

    def __init__(self, database: Database, *, mail_enabled: bool = False) -> None:
        self.database = database
        self.claims = EndpointClaims(database, LEASE)
        self._repository = DeliveryRepository(database, mail_enabled=mail_enabled)
        self._results = Results(WEBHOOK_DELAYS_S, Random(1))

    def claim(
        self, now: datetime = NOW, limit: int = 4000, share: int = 1000, **busy: int
    ) -> list[Job]:
        places = Places(limit, share)
        for receiver, count in busy.items():
            for _ in range(count):
                places.take(receiver, 0)
        return list(self.claims.claim(now, places).jobs)

    def record(self, ended: Sequence[tuple[Job, Outcome]], now: datetime = NOW) -> None:
        self._repository.record(self._results.finished(ended, now))

    def send(self, outcome: Outcome, now: datetime = NOW) -> int:
        """Claim what is due and record the same outcome for all of it; return how many."""
        jobs = self.claim(now)
        self.record([(job, outcome) for job in jobs], now)
        return len(jobs)


def add_endpoint(database: Database, **changed: Any) -> str:
    row = subscription(**changed)
    with database.transaction() as tx:
        tx.insert(table(Subscription), [row])
    return str(row["id"])


def add_deliveries(database: Database, endpoint: str, count: int = 1, **changed: Any) -> list[str]:
    """Add deliveries of events that no ticket has: nothing else is needed to send them."""
    made = [delivery(receiver=endpoint, payload="{}", **changed) for _ in range(count)]
    with database.transaction() as tx:
        tx.insert(table(Delivery), made)
    return [row["id"] for row in made]


def health(database: Database, endpoint: str) -> Health:
    [row] = rows(database, EndpointHealth, table(EndpointHealth).c.subscription_id == endpoint)
    return health_repository.health_of(row)


def set_health(database: Database, endpoint: str, known: Health) -> None:
    with database.transaction() as tx:
        health_repository.add(tx, [endpoint])
        health_repository.save(tx, {endpoint: known})


def every(seconds: float, count: int, start: datetime = NOW) -> Iterator[datetime]:
    """Moments at equal distances."""
    return (start + timedelta(seconds=seconds * index) for index in range(count))
