"""The notifier's SQL for what became of deliveries, with the health of the endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import tuple_, update

from services.notifier import digests, health_repository, ordering, owner_news
from services.notifier.health import News, NewsKind, Report, Verdict, observe
from services.notifier.job import Job
from shared.db.engine import Database, Row, Transaction
from shared.db.models import Delivery, DeliveryAttempt, Subscription
from shared.db.models.base import table
from shared.db.types import READY, WEBHOOK
from shared.db.work_lists import DELIVERIES_DUE
from shared.domain.endpoint_health import Health
from shared.domain.work import WorkState
from shared.failpoints import failpoint
from shared.observability.logging import get_logger

_DELIVERIES, _ATTEMPTS = table(Delivery), table(DeliveryAttempt)
_SUBSCRIPTIONS = table(Subscription)

#: How exact `last_success_at` of a healthy endpoint is: writing it each time would be a write for
#: each batch that says next to nothing.
SUCCESS_NOTED_EVERY = timedelta(seconds=60)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Finished:
    """What finished since the last record.

    `deliveries` and `attempts` are rows; `followers` the places in their tickets, with `due`, of
    those whose followers move. `reports` are by endpoint, `gone` the reason of those that asked for
    no more, `jobs` one of each endpoint.
    """

    now: datetime
    deliveries: Sequence[Mapping[str, Any]]
    attempts: Sequence[Mapping[str, Any]]
    followers: Sequence[Mapping[str, Any]] = ()
    reports: Mapping[str, Sequence[Report]] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)


class DeliveryRepository:
    """Records what became of leased deliveries."""

    def __init__(self, database: Database, *, mail_enabled: bool) -> None:
        self._database = database
        self._mail_enabled = mail_enabled
        # Endpoints that were not well when this process last recorded something of them. A hint
        # and no truth: it lets successes that were leased before a failure be counted.
        self._unwell: set[str] = set()

    def record(self, finished: Finished) -> None:
        """Write the outcomes, what happened in each attempt, and what both say of the endpoints.

        An endpoint that asked for no more is disabled, and what was on its way there is cancelled.
        One that was disabled because nothing got through keeps what waits for it.
        """
        touched = self._touched(finished)
        with self._database.transaction() as tx:
            # The locks come first, in the order of ids: two processes never wait in a circle.
            healths = self._observe(tx, finished, touched)
            settled = digests.conclude(tx, finished.deliveries, finished.attempts, finished.now)
            DELIVERIES_DUE.settle(tx, settled)
            # Once more is no harm: the reply to a first commit may have been lost.
            tx.insert_new(_ATTEMPTS, finished.attempts)
            health_repository.save(tx, {each: health for each, (health, _) in healths.items()})
            self._note_successes(tx, finished, touched)
            ordering.move_followers(tx, finished.followers)
            news = {each: told for each, (_, told) in healths.items() if told}
            for endpoint_id, reason in finished.gone.items():
                news[endpoint_id] = (_gone(finished.now, reason),)
                _cancel(tx, endpoint_id, finished.now)
            for endpoint_id, told in news.items():
                if told[-1].kind is NewsKind.DISABLED:
                    disable(tx, endpoint_id, told[-1])
            owner_news.tell(
                tx,
                {each: (_endpoint(finished.jobs[each]), told) for each, told in news.items()},
                finished.now,
                mail_enabled=self._mail_enabled,
            )
            failpoint("deliver.settled")
        for endpoint_id, (health, _) in healths.items():
            (self._unwell.discard if health.clean else self._unwell.add)(endpoint_id)

    def record_data_started(self, mails: Sequence[Job], now: datetime, until: datetime) -> set[str]:
        """Note, before the DATA of some mails, that from here on their fate may become unknown.

        The lease is held until then, because an answer to DATA may take long. Returns the ids of
        those that were ours to note; the lease of the others was lost: somebody else is sending
        these mails, or has.
        """
        held = [(job.delivery["id"], job.token) for job in mails]
        statement = (
            update(_DELIVERIES)
            .where(
                tuple_(_DELIVERIES.c.id, _DELIVERIES.c.lease_token).in_(held),
                _DELIVERIES.c.work_state == READY,
                _DELIVERIES.c.available_at > now,
            )
            .values(data_started_at=now, available_at=until)
            .returning(_DELIVERIES.c.id)
        )
        with self._database.transaction() as tx:
            return {row["id"] for row in tx.rows(statement)}

    def _touched(self, finished: Finished) -> set[str]:
        """Return the endpoints whose health changes by more than the time of a success."""
        return {
            endpoint_id
            for endpoint_id, reports in finished.reports.items()
            if endpoint_id in self._unwell
            or not _is_clean(finished.jobs[endpoint_id].health)
            or any(report.verdict is not Verdict.DELIVERED for report in reports)
        }

    def _observe(
        self, tx: Transaction, finished: Finished, touched: set[str]
    ) -> dict[str, tuple[Health, tuple[News, ...]]]:
        if not touched:
            return {}
        unknown = [each for each in touched if finished.jobs[each].health is None]
        health_repository.add(tx, unknown)
        found = health_repository.locked(tx, touched)
        return {each: observe(found[each], finished.reports[each]) for each in sorted(found)}

    def _note_successes(self, tx: Transaction, finished: Finished, touched: set[str]) -> None:
        due = [
            {"subscription_id": endpoint_id, "last_success_at": reports[-1].ended_at}
            for endpoint_id, reports in sorted(finished.reports.items())
            if endpoint_id not in touched
            and _is_old(finished.jobs[endpoint_id].health, reports[-1].ended_at)
        ]
        health_repository.note_success(tx, due)


def _endpoint(job: Job) -> Row:
    assert job.endpoint is not None  # noqa: S101 -- webhook jobs are leased with their endpoint
    return job.endpoint


def _is_clean(health: Health | None) -> bool:
    return health is not None and health.clean


def _is_old(health: Health | None, now: datetime) -> bool:
    noted = health.last_success_at if health else None
    return noted is None or now - noted >= SUCCESS_NOTED_EVERY


def _gone(now: datetime, reason: str) -> News:
    return News(NewsKind.DISABLED, now, now, 1, reason)


def disable(tx: Transaction, endpoint_id: str, news: News) -> None:
    """Disable a subscription; a person enabled it, so only a person enables it again."""
    tx.execute(
        update(_SUBSCRIPTIONS)
        .where(_SUBSCRIPTIONS.c.id == endpoint_id, _SUBSCRIPTIONS.c.enabled)
        .values(
            enabled=False,
            disabled_reason=news.disabled_reason,
            disabled_at=news.at,
            updated_at=news.at,
        )
    )
    log.warning("subscription.disabled", subscription=endpoint_id, reason=news.disabled_reason)


def _cancel(tx: Transaction, endpoint_id: str, now: datetime) -> None:
    """Cancel what is on its way to a receiver that asked for no more."""
    tx.execute(
        update(_DELIVERIES)
        .where(
            _DELIVERIES.c.channel == WEBHOOK,
            _DELIVERIES.c.receiver == endpoint_id,
            _DELIVERIES.c.work_state == READY,
        )
        # Without its token, a delivery in flight cannot come back by its result.
        .values(work_state=WorkState.CANCELLED, finished_at=now, lease_token=None)
    )
