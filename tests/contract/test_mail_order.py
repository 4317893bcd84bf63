"""Mails of one ticket to one receiver: one that is held holds up none and ends nobody's lease."""

from datetime import timedelta
from random import Random

from services.notifier.channels.base import Delivered
from services.notifier.mail_claims import MailClaims
from services.notifier.places import Places
from services.notifier.repository import DeliveryRepository
from services.notifier.results import Results
from services.notifier.schedule import EMAIL_DELAYS_S
from shared.db.engine import Database
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.domain.delivery import HELD_RANK, DeliveryChannel
from tests.factories import NOW, delivery

LEASE = timedelta(minutes=3)


def test_a_held_mail_that_ends_leaves_a_later_one_that_is_being_sent_its_lease(
    database: Database,
) -> None:
    mail = {
        "channel": DeliveryChannel.EMAIL,
        "receiver": "ivan@desk.example",
        "ticket_id": "tkt_1",
        "payload": "{}",
    }
    held = delivery(**mail, sequence=1, rank=HELD_RANK, attempts=1)
    later = delivery(**mail, sequence=2)
    with database.transaction() as tx:
        tx.insert(table(Delivery), [held, later])
    jobs = {
        job.delivery["id"]: job for job in MailClaims(database, LEASE).claim(NOW, Places(9, 9)).jobs
    }
    now = NOW + timedelta(seconds=1)
    repository = DeliveryRepository(database, mail_enabled=True)
    ended = [(jobs[held["id"]], Delivered(250, "250 taken"))]
    repository.record(Results(EMAIL_DELAYS_S, Random(1)).finished(ended, now))
    later_now = now + timedelta(seconds=1)
    ours = repository.record_data_started([jobs[later["id"]]], later_now, later_now + LEASE)
    assert ours == {later["id"]}
