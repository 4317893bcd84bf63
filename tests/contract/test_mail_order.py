"""Mails of one ticket to one receiver: one that is held holds up none and ends nobody's lease."""

from datetime import datetime, timedelta
from random import Random

import pytest

from services.notifier.channels.base import Delivered, Outcome, TemporaryFailure
from services.notifier.job import Job
from services.notifier.mail_claims import MailClaims
from services.notifier.places import Places
from services.notifier.repository import DeliveryRepository
from services.notifier.results import Results
from services.notifier.schedule import EMAIL_DELAYS_S
from shared.db.engine import Database, Row
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.domain.delivery import HELD_RANK, DeliveryChannel
from tests.factories import NOW, delivery
from tests.rows import rows

LEASE = timedelta(minutes=3)
MAIL = {
    "channel": DeliveryChannel.EMAIL,
    "receiver": "ivan@desk.example",
    "ticket_id": "tkt_1",
    "payload": "{}",
}


def leased(database: Database, deliveries: list[Row]) -> dict[str, Job]:
    """Insert deliveries and lease those that are due; return their jobs by their ids."""
    with database.transaction() as tx:
        tx.insert(table(Delivery), deliveries)
    claimed = MailClaims(database, LEASE).claim(NOW, Places(9, 9))
    return {job.delivery["id"]: job for job in claimed.jobs}


def end(database: Database, job: Job, outcome: Outcome, now: datetime) -> DeliveryRepository:
    """Record what became of a job."""
    repository = DeliveryRepository(database, mail_enabled=True)
    repository.record(Results(EMAIL_DELAYS_S, Random(1)).finished([(job, outcome)], now))
    return repository


def test_a_held_mail_that_ends_leaves_a_later_one_that_is_being_sent_its_lease(
    database: Database,
) -> None:
    held = delivery(**MAIL, sequence=1, rank=HELD_RANK, attempts=1)
    later = delivery(**MAIL, sequence=2)
    jobs = leased(database, [held, later])
    now = NOW + timedelta(seconds=1)
    repository = end(database, jobs[held["id"]], Delivered(250, "250 taken"), now)
    later_now = now + timedelta(seconds=1)
    ours = repository.record_data_started([jobs[later["id"]]], later_now, later_now + LEASE)
    assert ours == {later["id"]}


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [(1, Delivered(250, "250 taken")), (0, TemporaryFailure("451 later", status=451))],
)
def test_a_held_mail_gives_a_later_one_no_time_of_its_own(
    database: Database, attempts: int, outcome: Outcome
) -> None:
    held = delivery(**MAIL, sequence=1, rank=HELD_RANK, attempts=attempts)
    # It was asked to come again then.
    rests_until = NOW + timedelta(minutes=5)
    later = delivery(**MAIL, sequence=2, attempts=1, available_at=rests_until)
    [job] = leased(database, [held, later]).values()
    end(database, job, outcome, NOW + timedelta(seconds=1))
    [found] = [row for row in rows(database, Delivery) if row["id"] == later["id"]]
    assert found["available_at"] == rests_until
