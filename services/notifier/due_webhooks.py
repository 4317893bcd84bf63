"""The questions a claim of webhooks asks: which endpoints have something due, and what of it.

Built once each, for building them takes longer than asking them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.types import TypeEngine

from services.notifier import health_repository, ordering
from services.notifier.health_repository import HEALTH
from services.notifier.places import PLACE_BYTES
from shared.db.models import Delivery, Subscription
from shared.db.models.base import table
from shared.db.sealed_types import as_kept
from shared.db.types import READY, WEBHOOK, UTCDateTime
from shared.domain.delivery import FIRST_ATTEMPT_RANK

_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)

#: Endpoints served by one claim: those with live events first, then the ones that waited longest.
MAX_ENDPOINTS = 200

#: What `due_of_endpoint` is given for each endpoint.
GIVEN: dict[str, TypeEngine[Any]] = {
    "endpoint": Text(),
    "room": Integer(),
    "ranks_below": Integer(),
    "unordered": Boolean(),
    "due": UTCDateTime(),
}


def with_health() -> Any:
    """Subscriptions, each with the health of its endpoint where it has one."""
    return _SUBSCRIPTIONS.outerjoin(HEALTH, HEALTH.c.subscription_id == _SUBSCRIPTIONS.c.id)


def open_to_all(now: datetime) -> ColumnElement[bool]:
    """Say that an endpoint is neither paused nor resting."""
    return or_(HEALTH.c.blocked_until.is_(None), HEALTH.c.blocked_until <= now)


def oldest_due(*conditions: ColumnElement[bool]) -> Any:
    """Since when an endpoint's oldest delivery that meets the conditions is due."""
    return (
        select(func.min(_DELIVERIES.c.available_at))
        .where(
            _DELIVERIES.c.channel == WEBHOOK,
            _DELIVERIES.c.receiver == _SUBSCRIPTIONS.c.id,
            _DELIVERIES.c.work_state == READY,
            *conditions,
        )
        .scalar_subquery()
    )


def oldest_live() -> Any:
    """Since when an endpoint's oldest delivery that is neither a retry nor a replay is due."""
    # By rank first, although it is 0 in all of them: in that order only the index that begins with
    # it will do, and a replay of 100,000 older ones is not gone through.
    return (
        select(_DELIVERIES.c.available_at)
        .where(
            _DELIVERIES.c.channel == WEBHOOK,
            _DELIVERIES.c.receiver == _SUBSCRIPTIONS.c.id,
            _DELIVERIES.c.work_state == READY,
            _DELIVERIES.c.rank <= FIRST_ATTEMPT_RANK,
        )
        .order_by(_DELIVERIES.c.rank, _DELIVERIES.c.available_at)
        .limit(1)
        .scalar_subquery()
    )


def endpoints(oldest: Any, live: Any) -> Select[Any]:
    """Return the query of endpoints that have something due and may get it.

    Takes `now`, and `full`, the ids of those that have all they may have. Secrets come as they are
    kept: one that cannot be opened must not stop the deliveries of everybody else.
    """
    now = bindparam("now", type_=UTCDateTime())
    # The offset keeps PostgreSQL from asking for the oldest of each once for every place below.
    each = (
        select(
            *as_kept(_SUBSCRIPTIONS),
            *health_repository.columns("health_"),
            oldest.label("oldest"),
            live.label("oldest_live"),
        )
        .select_from(with_health())
        .where(
            _SUBSCRIPTIONS.c.enabled,
            _SUBSCRIPTIONS.c.id.not_in(bindparam("full", expanding=True)),
            or_(HEALTH.c.blocked_until.is_(None), HEALTH.c.blocked_until <= now),
        )
        .offset(0)
        .subquery("each_endpoint")
    )
    return (
        select(each)
        .where(each.c.oldest <= now)
        .order_by(case((each.c.oldest_live <= now, 0), else_=1), each.c.oldest)
        .limit(MAX_ENDPOINTS)
    )


def due_of_endpoint(given: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """Return the due deliveries of one endpoint that nothing of their ticket is still ahead of.

    A body that takes more than one place is not among them: most of such rows get no place.
    """
    mine = and_(
        _DELIVERIES.c.channel == WEBHOOK,
        _DELIVERIES.c.receiver == given["endpoint"],
        _DELIVERIES.c.rank < given["ranks_below"],
        _DELIVERIES.c.available_at <= given["due"],
        or_(given["unordered"], ~ordering.something_ahead()),
    )
    return ordering.with_body(mine, PLACE_BYTES).limit(given["room"])
