"""What a report about a mail changes: the address that is at fault, and the delivery's ledger."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, select, update

from shared.db.engine import Row, Transaction
from shared.db.models import Delivery, DeliveryAttempt, MailDigestEntry
from shared.db.models.base import table
from shared.db.suppressions import blame
from shared.domain.delivery import DeliveryChannel
from shared.domain.ids import Prefix, new_id
from shared.domain.mail_report import MailReport
from shared.domain.outcome_name import AttemptOutcome
from shared.domain.work import WorkState

_DELIVERIES, _ATTEMPTS = table(Delivery), table(DeliveryAttempt)
_ENTRIES = table(MailDigestEntry)


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
    """Note a report about a delivery; `delivery_id` is what its tokens say.

    One of each kind counts for each time that the mail was sent: servers report a delay and then
    the end, and who got a mail may complain of it later. The address is the delivery's own,
    whatever the report says whose it is.
    """
    if delivery_id is None:
        return ReportTaken(None, None, suppressed=False, detail="it is about no mail of ours")
    if report.outcome is None:
        return ReportTaken(delivery_id, None, suppressed=False, detail=report.detail)
    query = select(
        _DELIVERIES.c.id,
        _DELIVERIES.c.receiver,
        _DELIVERIES.c.attempts,
        _DELIVERIES.c.finished_at,
    ).where(_DELIVERIES.c.id == delivery_id, _DELIVERIES.c.channel == DeliveryChannel.EMAIL)
    delivery = tx.first(query.with_for_update())
    if delivery is None or delivery["receiver"].startswith("erased:"):
        detail = "the mail it is about is not known any more"
        return ReportTaken(delivery_id, None, suppressed=False, detail=detail)
    address = delivery["receiver"]
    if _known(tx, delivery, report.outcome):
        detail = "a report about this mail was taken before"
        return ReportTaken(delivery_id, address, suppressed=False, detail=detail)
    blocked = False
    if report.fault is not None:
        blocked = blame(tx, address, report.fault, report.detail, now).holds(now)
    _note(tx, delivery, report, now)
    if report.outcome is AttemptOutcome.BOUNCED:
        _came_back(tx, delivery_id, report.detail)
    return ReportTaken(delivery_id, address, suppressed=blocked, detail=report.detail)


def _known(tx: Transaction, delivery: Row, outcome: AttemptOutcome) -> bool:
    twice = exists().where(
        _ATTEMPTS.c.delivery_id == delivery["id"], _ATTEMPTS.c.outcome == outcome.kept
    )
    if delivery["finished_at"] is not None:
        # Sent again since, it may come back again.
        twice = twice.where(_ATTEMPTS.c.finished_at >= delivery["finished_at"])
    return bool(tx.execute(select(twice)).scalar_one())


def _note(tx: Transaction, delivery: Row, report: MailReport, now: datetime) -> None:
    assert report.outcome is not None  # noqa: S101 -- others are not noted
    attempt = {
        "id": new_id(Prefix.ATTEMPT),
        "delivery_id": delivery["id"],
        "number": delivery["attempts"],
        "finished_at": now,
        "duration_ms": 0,
        "outcome": report.outcome.kept,
        "status": None,
        "detail": report.detail,
        "response_body": "",
    }
    tx.insert(_ATTEMPTS, [attempt])


def _came_back(tx: Transaction, delivery_id: str, detail: str) -> None:
    """Let the ledger tell that a mail did not arrive, and what it told as a digest did not either.

    One that is on its way again goes on: whether the address may be written to is looked up then.
    """
    told = select(_ENTRIES.c.id).where(_ENTRIES.c.digest_id == delivery_id)
    sent = and_(
        _DELIVERIES.c.id == delivery_id,
        _DELIVERIES.c.work_state.in_([WorkState.DONE, WorkState.UNKNOWN]),
    )
    in_digest = and_(
        _DELIVERIES.c.id.in_(told),
        _DELIVERIES.c.work_state.in_([WorkState.CANCELLED, WorkState.UNKNOWN]),
    )
    for which, error in (
        (sent, detail),
        (in_digest, f"its digest {delivery_id} bounced: {detail}"),
    ):
        tx.execute(
            update(_DELIVERIES).where(which).values(work_state=WorkState.BOUNCED, last_error=error)
        )
