"""A periodic look at endpoints that fail: who is to be warned, and which are to be disabled."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Select, exists, select

from services.notifier import health_repository, owner_news
from services.notifier.health import News, NewsKind
from services.notifier.health.overdue import LONGEST_SILENCE, overdue
from services.notifier.health.streak import WARNINGS
from services.notifier.health_repository import HEALTH, health_of
from services.notifier.repository import disable
from shared.db.engine import Database, Row, Transaction, rows
from shared.db.models import Delivery, Subscription
from shared.db.models.base import table
from shared.db.types import READY, WEBHOOK
from shared.domain.work import ListName

_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)


class StreakWatch:
    """Tells what time alone has brought about; `ring` gets the lists that the news are on.

    Two that look at once do no harm: the health of an endpoint is locked, and says what was told.
    """

    def __init__(
        self, database: Database, ring: Callable[[ListName], None], *, mail_enabled: bool
    ) -> None:
        self._database = database
        self._ring = ring
        self._mail_enabled = mail_enabled

    def __call__(self, now: datetime) -> int:
        """Look once; return about how many endpoints somebody was told."""
        with self._database.reading() as connection:
            failing = rows(connection, _failing(now))
        due = [row["subscription_id"] for row in failing if overdue(health_of(row), now)[1]]
        if not due:
            return 0
        with self._database.transaction() as tx:
            told = self._tell(tx, due, now)
        if told:
            self._ring(ListName.WEBHOOK)
            self._ring(ListName.EMAIL)
        return told

    def _tell(self, tx: Transaction, endpoint_ids: list[str], now: datetime) -> int:
        # Health before subscription, as everybody locks them.
        healths = health_repository.locked(tx, endpoint_ids)
        columns = (_SUBSCRIPTIONS.c[name] for name in owner_news.NEEDED)
        enabled = select(*columns).where(
            _SUBSCRIPTIONS.c.id.in_(endpoint_ids), _SUBSCRIPTIONS.c.enabled
        )
        told: dict[str, tuple[Row, tuple[News, ...]]] = {}
        for endpoint in tx.rows(enabled):
            if endpoint["id"] not in healths:
                continue
            healths[endpoint["id"]], news = overdue(healths[endpoint["id"]], now)
            if news is not None:
                told[endpoint["id"]] = (endpoint, (news,))
        health_repository.save(tx, {each: healths[each] for each in told})
        for endpoint_id, (_, (news,)) in told.items():
            if news.kind is NewsKind.DISABLED:
                disable(tx, endpoint_id, news)
        owner_news.tell(tx, told, now, mail_enabled=self._mail_enabled)
        return len(told)


def _failing(now: datetime) -> Select[tuple[object, ...]]:
    """Return the query of endpoints that may be due, with their health."""
    still_on_its_way = exists().where(
        _DELIVERIES.c.channel == WEBHOOK,
        _DELIVERIES.c.receiver == HEALTH.c.subscription_id,
        _DELIVERIES.c.work_state == READY,
        _DELIVERIES.c.attempts > 0,
    )
    return (
        select(HEALTH)
        .join(_SUBSCRIPTIONS, _SUBSCRIPTIONS.c.id == HEALTH.c.subscription_id)
        .where(
            _SUBSCRIPTIONS.c.enabled,
            HEALTH.c.failing_since <= now - WARNINGS[0],
            HEALTH.c.last_failure_at >= now - LONGEST_SILENCE,
            still_on_its_way,
        )
    )
