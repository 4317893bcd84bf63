"""/v1/webhooks: who is told about events."""

import socket
from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    page,
    parts,
)
from shared.domain.address_guard import AddressGuard, ForbiddenAddress
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.webhook_signature import new_secret
from shared.schemas.base import patch_of
from shared.schemas.subscription import (
    CreateSubscriptionSchema,
    NewSubscriptionSchema,
    SubscriptionPageSchema,
    SubscriptionSchema,
    UpdateSubscriptionSchema,
)

blp = blueprint("webhooks", "Subscriptions: signed events (Standard Webhooks) to your URL.")

_schema = SubscriptionSchema(unknown="exclude")
_new_schema = NewSubscriptionSchema(unknown="exclude")


@blp.route("/webhooks", methods=["POST"])
@requires("webhooks:write", problems=(400, 401, 403, 413, 415, 422, 503))
@body(CreateSubscriptionSchema())
@blp.response(201, NewSubscriptionSchema())
def create_subscription(content: Mapping[str, Any]) -> Response:
    """Subscribe a URL to events. The answer holds the signing secret, this once."""
    app = parts()
    _vet(app.guard, content["url"])
    now = app.now()
    row = {
        "id": new_id(Prefix.SUBSCRIPTION),
        "url": content["url"],
        "event_types": [event_type.value for event_type in content["event_types"]],
        "description": content["description"],
        "secret": new_secret(),
        "enabled": content["enabled"],
        "disabled_reason": None,
        "created_at": now,
        "updated_at": now,
    }
    document = _new_schema.dump({**row, "event_types": content["event_types"]})
    with change() as unit:
        repository.add(unit.tx, repository.SUBSCRIPTIONS, row)
        return unit.answer(document, 201, {"Location": f"/v1/webhooks/{row['id']}"})


@blp.route("/webhooks", methods=["GET"])
@requires("webhooks:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, SubscriptionPageSchema())
def list_subscriptions(query: Mapping[str, Any]) -> Response:
    """List subscriptions."""
    with parts().database.reading() as connection:
        rows = repository.listing(
            connection, repository.SUBSCRIPTIONS, query["after"], query["limit"] + 1
        )
    return page(_schema, [_readable(row) for row in rows], "id", query["limit"])


@blp.route("/webhooks/<subscription_id>", methods=["GET"])
@requires("webhooks:read", problems=(401, 403, 404, 503))
@blp.response(200, SubscriptionSchema())
def get_subscription(subscription_id: str) -> Response:
    """Read a subscription."""
    with parts().database.reading() as connection:
        row = repository.one(connection, repository.SUBSCRIPTIONS, subscription_id, "subscription")
    return answer(_schema.dump(_readable(row)))


@blp.route("/webhooks/<subscription_id>", methods=["PATCH"])
@requires("webhooks:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(patch_of(UpdateSubscriptionSchema))
@blp.response(200, SubscriptionSchema())
def update_subscription(content: Mapping[str, Any], subscription_id: str) -> Response:
    """Change a subscription.

    A disabled subscription gets no new events; what was on its way waits until it is enabled.
    """
    app = parts()
    values: dict[str, Any] = {**content, "updated_at": app.now()}
    if "url" in content:
        _vet(app.guard, content["url"])
    if "event_types" in content:
        values["event_types"] = [event_type.value for event_type in content["event_types"]]
    if content.get("enabled"):
        values["disabled_reason"] = None
    with change() as unit:
        subscriptions = repository.SUBSCRIPTIONS
        repository.change(unit.tx, subscriptions, subscription_id, values, "subscription")
        row = repository.one(unit.tx.flushed(), subscriptions, subscription_id, "subscription")
        return unit.answer(_schema.dump(_readable(row)))


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "event_types": [EventType(name) for name in row["event_types"]]}


def _vet(guard: AddressGuard, url: str) -> None:
    """Refuse a URL that leads where webhooks must not go; it is vetted again at each connect."""
    try:
        destination = guard.vet_url(url)
        for *_, address in _resolve(destination.host, destination.port):
            guard.vet(str(address[0]))
    except ForbiddenAddress as error:
        raise InvalidInput(
            "The URL cannot be subscribed.", [FieldError("/url", error.public_reason)]
        ) from error


def _resolve(host: str, port: int) -> list[Any]:
    """Look a name up; one that is not known yet is let pass and vetted when it is."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return []
