"""Intake's SQL for the health of endpoints: to show it, and to give one a new beginning."""

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import Connection, select

from shared.db.engine import Transaction, rows
from shared.db.models import EndpointHealth
from shared.db.models.base import table
from shared.domain.endpoint_health import Health

_HEALTH = table(EndpointHealth)
_NAMES = tuple(field.name for field in fields(Health))


def of_endpoints(connection: Connection, endpoint_ids: Sequence[str]) -> dict[str, Health]:
    """Return the health of the endpoints that were tried, by id."""
    query = select(_HEALTH).where(_HEALTH.c.subscription_id.in_(endpoint_ids))
    return {
        row["subscription_id"]: Health(**{name: row[name] for name in _NAMES})
        for row in rows(connection, query)
    }


def begin_anew(tx: Transaction, endpoint_id: str) -> None:
    """Forget what was, for an endpoint that is enabled or has moved.

    What piled up for it is looked at before it is sent. To be called before the subscription is
    changed: the notifier locks the two in this order.
    """
    row = {"subscription_id": endpoint_id, **asdict(Health(stale=True))}
    tx.insert_new(_HEALTH, [row])
    tx.update(_HEALTH, [row], key=("subscription_id",))
