"""The notifier's SQL for the health of endpoints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from shared.db.engine import Row, Transaction
from shared.db.models import Delivery, EndpointHealth
from shared.db.models.base import table
from shared.db.types import READY, WEBHOOK
from shared.domain.endpoint_health import Health

HEALTH = table(EndpointHealth)
NAMES = tuple(field.name for field in fields(Health))
_DELIVERIES = table(Delivery)


def health_of(row: Row, prefix: str = "") -> Health:
    """Read a row's health, from columns with this prefix."""
    return Health(**{name: row[prefix + name] for name in NAMES})


def columns(prefix: str) -> list[ColumnElement[Any]]:
    """Return the columns for a query that joins the table, named by a prefix."""
    return [HEALTH.c[name].label(prefix + name) for name in ("subscription_id", *NAMES)]


def add(tx: Transaction, endpoint_ids: Iterable[str]) -> None:
    """Give a row to endpoints that have none."""
    tx.insert_new(HEALTH, [_row(each, Health()) for each in sorted(endpoint_ids)])


def locked(tx: Transaction, endpoint_ids: Iterable[str]) -> dict[str, Health]:
    """Return the health of endpoints, locked in the order of their ids until the commit."""
    query = _by_id(endpoint_ids).with_for_update()
    return {row["subscription_id"]: health_of(row) for row in tx.rows(query)}


def locked_if_free(
    tx: Transaction, endpoint_ids: Iterable[str], now: datetime
) -> dict[str, tuple[Health, int]]:
    """Lock what no other process holds; return each with what is in flight there now.

    Whoever holds a row of a limited endpoint is leasing for it at this moment.
    """
    query = _by_id(endpoint_ids).with_for_update(skip_locked=True, of=HEALTH)
    query = query.add_columns(_in_flight(now).label("in_flight"))
    return {row["subscription_id"]: (health_of(row), row["in_flight"]) for row in tx.rows(query)}


def save(tx: Transaction, healths: Mapping[str, Health]) -> None:
    """Write the health of endpoints that have a row."""
    rows = [_row(each, health) for each, health in sorted(healths.items())]
    tx.update(HEALTH, rows, key=("subscription_id",))


def note_success(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `last_success_at` alone, of endpoints that have a row."""
    tx.update(HEALTH, rows, key=("subscription_id",))


def note_outages_over(tx: Transaction, endpoint_ids: Sequence[str]) -> None:
    """Note that what piled up during an outage was looked at."""
    rows = [{"subscription_id": each, "stale": False} for each in sorted(endpoint_ids)]
    tx.update(HEALTH, rows, key=("subscription_id",))


def _by_id(endpoint_ids: Iterable[str]) -> Select[Any]:
    wanted = sorted(endpoint_ids)
    return (
        select(HEALTH)
        .where(HEALTH.c.subscription_id.in_(wanted))
        .order_by(HEALTH.c.subscription_id)
    )


def _in_flight(now: datetime) -> ColumnElement[int]:
    """Count the leases that run; a row that rests has no token."""
    return (
        select(func.count())
        .where(
            _DELIVERIES.c.channel == WEBHOOK,
            _DELIVERIES.c.receiver == HEALTH.c.subscription_id,
            _DELIVERIES.c.work_state == READY,
            _DELIVERIES.c.available_at > now,
            _DELIVERIES.c.lease_token.is_not(None),
        )
        .scalar_subquery()
    )


def _row(endpoint_id: str, health: Health) -> dict[str, Any]:
    return {"subscription_id": endpoint_id, **asdict(health)}
