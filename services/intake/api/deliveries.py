"""Who was told what, when, with which result; and sending it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from flask import Response, g
from marshmallow import RAISE
from sqlalchemy import Connection

from services.intake import delivery_ledger, repository
from services.intake.api.auth import requires
from services.intake.api.change import Change, change
from services.intake.api.cursor import encode
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    parts,
)
from services.intake.api.webhooks import SUBSCRIPTION_ID
from shared.db.engine import Row, Transaction
from shared.domain.api_key import ALL
from shared.domain.clock import rfc3339
from shared.domain.delivery import DeliveryChannel
from shared.domain.delivery_state import DeliveryState, delivery_state
from shared.domain.errors import Conflict, FieldError, InvalidInput, NotFound
from shared.domain.ids import Prefix, is_id
from shared.domain.outcome_name import outcome_name
from shared.domain.work import ListName, WorkState
from shared.schemas.base import StrictSchema
from shared.schemas.delivery import (
    MAX_REPLAYS,
    AnyDeliveryFilterSchema,
    DeliveryDetailSchema,
    DeliveryFilterSchema,
    DeliveryPageSchema,
    DeliverySchema,
    QueuedDeliverySchema,
    ReplayAnswerSchema,
    ReplaySchema,
)

blp = blueprint("deliveries", "Who was told what, when, with which result.")

_schema = DeliverySchema(unknown="exclude")
_detail_schema = DeliveryDetailSchema(unknown="exclude")
_queued_schema = QueuedDeliverySchema()

#: Sees why an attempt really failed, with addresses of the operator's network.
DIAGNOSE = "deliveries:diagnose"

_PAGE = ("after", "limit")
_CHANNELS = {DeliveryChannel.WEBHOOK: ListName.WEBHOOK, DeliveryChannel.EMAIL: ListName.EMAIL}


class DeliveryQuerySchema(DeliveryFilterSchema, PageQuerySchema):
    """Which deliveries, and which page of them."""


class AnyDeliveryQuerySchema(AnyDeliveryFilterSchema, PageQuerySchema):
    """Which deliveries of any channel, and which page of them."""


@blp.route(f"/webhooks/{SUBSCRIPTION_ID}/deliveries", methods=["GET"])
@requires("deliveries:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(DeliveryQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, DeliveryPageSchema())
def list_deliveries(query: Mapping[str, Any], subscription_id: str) -> Response:
    """Read what was sent to a subscription, the newest first; also to one that was deleted."""
    filters = {name: value for name, value in query.items() if name not in _PAGE}
    limit = query["limit"]
    with parts().database.searching() as connection:
        delivery_ledger.require_receiver(connection, subscription_id)
        found = delivery_ledger.of_receiver(
            connection, subscription_id, filters, query["after"] or None, limit + 1
        )
    return _page(found, limit, lambda row: (rfc3339(row["created_at"]), row["id"]))


@blp.route("/deliveries", methods=["GET"])
@requires("deliveries:read", problems=(401, 403, 422, 503))
@blp.arguments(AnyDeliveryQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, DeliveryPageSchema())
def search_deliveries(query: Mapping[str, Any]) -> Response:
    """Read what was sent by webhook and by mail, the newest first."""
    filters = {name: value for name, value in query.items() if name not in _PAGE}
    limit = query["limit"]
    with parts().database.searching() as connection:
        found = delivery_ledger.found(connection, filters, query["after"] or None, limit + 1)
    return _page(found, limit, lambda row: (row["id"],))


@blp.route("/tickets/<ticket_id>/deliveries", methods=["GET"])
@requires("deliveries:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, DeliveryPageSchema())
def list_ticket_deliveries(query: Mapping[str, Any], ticket_id: str) -> Response:
    """Read who was told what about a ticket, by webhook and by mail, in the order of its events."""
    limit = query["limit"]
    with parts().database.reading() as connection:
        found = delivery_ledger.of_ticket(connection, ticket_id, query["after"] or None, limit + 1)
    return _page(found, limit, lambda row: (row["sequence"], row["id"]))


@blp.route("/deliveries/<delivery_id>", methods=["GET"])
@requires("deliveries:read", problems=(401, 403, 404, 503))
@blp.response(200, DeliveryDetailSchema())
def get_delivery(delivery_id: str) -> Response:
    """Read a delivery with its attempts: when, how long, which answer."""
    with parts().database.reading() as connection:
        row = delivery_ledger.delivery(connection, delivery_id)
        tries = delivery_ledger.attempts(connection, delivery_id)
    document = {**_readable(row), "tries": [_attempt(each) for each in tries]}
    return answer(_detail_schema.dump(document))


@blp.route("/deliveries/<delivery_id>/replay", methods=["POST"])
@requires("deliveries:write", problems=(400, 401, 403, 404, 409, 413, 415, 422, 503))
@body(StrictSchema())
@blp.response(202, QueuedDeliverySchema())
def replay_delivery(_: Mapping[str, Any], delivery_id: str) -> Response:
    """Send a delivery again, with the same `webhook-id`; if that fails, by the whole schedule.

    409 for one that is pending, that went to an erased address, or whose subscription is disabled
    or deleted.
    """
    now = parts().now()
    with change() as unit:
        row = repository.locked(unit.tx, delivery_ledger.DELIVERIES, delivery_id, "delivery")
        _require_replayable(unit.tx, row)
        delivery_ledger.replay(unit.tx, {delivery_id: now})
        unit.ring(_CHANNELS[row["channel"]])
        document = _queued_schema.dump({**row, "state": DeliveryState.PENDING})
        return unit.answer(document, 202, {"Location": f"/v1/deliveries/{delivery_id}"})


@blp.route(f"/webhooks/{SUBSCRIPTION_ID}/replays", methods=["POST"])
@requires("deliveries:write", problems=(400, 401, 403, 404, 409, 413, 415, 422, 503))
@body(ReplaySchema())
@blp.response(202, ReplayAnswerSchema())
def replay_deliveries(content: Mapping[str, Any], subscription_id: str) -> Response:
    """Send many deliveries again, the oldest first, so many in a second; or count them.

    `{"created_after": "…"}` is all that did not arrive since then; with `missed` also what was
    never meant for the subscription. Live events go first.
    """
    now = parts().now()
    filters = {"states": delivery_ledger.UNDELIVERED, **content}
    if content["missed"]:
        _require_beginning(content.get("created_after"), now)
    with change() as unit:
        subscription = repository.locked(
            unit.tx, repository.SUBSCRIPTIONS, subscription_id, "subscription"
        )
        if content["dry_run"]:
            count = _count(unit.tx.connection, subscription, filters)
        else:
            count = _send_again(unit, subscription, filters, now)
        document = {
            "count": count,
            "due_until": due_until(count, content["rate_per_s"], now),
            "dry_run": content["dry_run"],
        }
        return unit.answer(document, 202)


def _count(connection: Connection, subscription: Row, filters: Mapping[str, Any]) -> int:
    ours = {**filters, "receiver": subscription["id"]}
    count = delivery_ledger.count_to_replay(connection, ours)
    if filters["missed"]:
        count += sum(1 for _ in delivery_ledger.missed(connection, subscription, filters))
    return count


def _send_again(unit: Change, subscription: Row, filters: Mapping[str, Any], now: datetime) -> int:
    _require_enabled(subscription)
    subscription_id, most = subscription["id"], MAX_REPLAYS + 1
    known = delivery_ledger.to_replay(unit.tx, {**filters, "receiver": subscription_id}, most)
    missed: list[Row] = []
    if filters["missed"]:
        found = delivery_ledger.missed(unit.tx.connection, subscription, filters)
        missed = list(islice(found, most))
    count = len(known) + len(missed)
    require_few(count)
    due = spread(count, filters["rate_per_s"], now)
    delivery_ledger.replay(unit.tx, dict(zip(known, due, strict=False)))
    late = list(zip(missed, due[len(known) :], strict=True))
    delivery_ledger.add_missed(unit.tx, subscription_id, late, now)
    unit.ring(ListName.WEBHOOK)
    return count


def spread(count: int, rate_per_s: int, now: datetime) -> list[datetime]:
    """Return when each of so many is sent, at a rate."""
    return [now + timedelta(seconds=number / rate_per_s) for number in range(count)]


def due_until(count: int, rate_per_s: int, now: datetime) -> str | None:
    """Return when the last of so many is sent, at a rate."""
    return rfc3339(now + timedelta(seconds=(count - 1) / rate_per_s)) if count else None


def _page(rows: Sequence[Row], limit: int, place: Any) -> Response:
    shown = rows[:limit]
    following = encode(*place(shown[-1])) if len(rows) > limit else None
    items = [_schema.dump(_readable(row)) for row in shown]
    return answer({"items": items, "next": following})


def _readable(row: Row) -> dict[str, Any]:
    state = delivery_state(row["work_state"])
    pending = state is DeliveryState.PENDING
    return {
        **row,
        "event_type": delivery_ledger.event_type(row),
        "ticket_id": row["ticket_id"] if is_id(row["ticket_id"], Prefix.TICKET) else None,
        "state": state,
        "next_attempt_at": row["available_at"] if pending else None,
    }


def _attempt(row: Row) -> dict[str, Any]:
    shown = {**row, "outcome": outcome_name(row["outcome"])}
    if g.caller.scopes.isdisjoint((DIAGNOSE, ALL)):
        del shown["operator_detail"]
    return shown


def _require_replayable(tx: Transaction, delivery: Row) -> None:
    if delivery["work_state"] is WorkState.READY:
        message = "This delivery is pending; it goes out by itself."
        raise Conflict(message, next_attempt_at=rfc3339(delivery["available_at"]))
    if delivery["receiver"].startswith("erased:"):
        message = "The address that this went to is erased."
        raise Conflict(message)
    if delivery["channel"] is DeliveryChannel.WEBHOOK:
        subscriptions, receiver = repository.SUBSCRIPTIONS, delivery["receiver"]
        try:
            found = repository.one(tx.connection, subscriptions, receiver, "subscription")
        except NotFound:
            message = "The subscription that this went to is deleted."
            raise Conflict(message) from None
        _require_enabled(found)


def _require_enabled(subscription: Row) -> None:
    if not subscription["enabled"]:
        message = "The subscription is disabled; enable it first."
        raise Conflict(message)


def _require_beginning(moment: datetime | None, now: datetime) -> None:
    """Refuse to look for what was missed at a time of which nobody knows what was delivered."""
    detail, kept = "", parts().delivery_retention
    if moment is None:
        detail = "Say since when; what was missed is looked for among all events."
    elif kept is not None and moment < now - kept:
        oldest = rfc3339(now - kept)
        detail = f"What was delivered before {oldest} is not known any more; begin there."
    if detail:
        raise InvalidInput(detail, [FieldError("/created_after", detail)])


def require_few(count: int) -> None:
    """Raise InvalidInput for more than one request may send again."""
    if count > MAX_REPLAYS:
        detail = f"More than {MAX_REPLAYS} at once; narrow it by `created_before`, and ask again."
        raise InvalidInput(detail, [FieldError("/created_before", detail)])
