"""What a report about a mail changes: the address that is at fault, and the delivery's ledger."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select

from shared.db.engine import Transaction
from shared.db.models import Delivery, DeliveryAttempt
from shared.db.models.base import table
from shared.db.suppressions import blame
from shared.domain.delivery import DeliveryChannel
from shared.domain.ids import Prefix, new_id
from shared.domain.mail_report import MailReport

_DELIVERIES, _ATTEMPTS = table(Delivery), table(DeliveryAttempt)

#: How the ledger calls a mail that came back, or that its receiver complained about.
BOUNCED = "Bounced"


@dataclass(frozen=True, slots=True)
class ReportTaken:
    """What became of a report. `suppressed` says that the address is written to no more."""

    delivery_id: str | None
    address: str | None
    suppressed: bool
    detail: str


def take_report(
    tx: Transaction, delivery_id: str | None, report: MailReport, now: datetime
) -> ReportTaken:
    """Note a report about a delivery, once; `delivery_id` is what its tokens say.

    The address is the delivery's own, whatever the report says whose it is.
    """
    if delivery_id is None:
        return ReportTaken(None, None, suppressed=False, detail="it is about no mail of ours")
    if report.fault is None:
        return ReportTaken(delivery_id, None, suppressed=False, detail=report.detail)
    query = select(_DELIVERIES.c.receiver, _DELIVERIES.c.attempts).where(
        _DELIVERIES.c.id == delivery_id, _DELIVERIES.c.channel == DeliveryChannel.EMAIL
    )
    delivery = tx.first(query.with_for_update())
    if delivery is None or delivery["receiver"].startswith("erased:"):
        detail = "the mail it is about is not known any more"
        return ReportTaken(delivery_id, None, suppressed=False, detail=detail)
    address = delivery["receiver"]
    twice = exists().where(_ATTEMPTS.c.delivery_id == delivery_id, _ATTEMPTS.c.outcome == BOUNCED)
    if tx.execute(select(twice)).scalar_one():
        detail = "a report about this mail was taken before"
        return ReportTaken(delivery_id, address, suppressed=False, detail=detail)
    found = blame(tx, address, report.fault, report.detail, now)
    attempt = {
        "id": new_id(Prefix.ATTEMPT),
        "delivery_id": delivery_id,
        "number": delivery["attempts"],
        "finished_at": now,
        "duration_ms": 0,
        "outcome": BOUNCED,
        "status": None,
        "detail": report.detail,
        "response_body": "",
    }
    tx.insert(_ATTEMPTS, [attempt])
    return ReportTaken(delivery_id, address, suppressed=found.holds(now), detail=report.detail)
