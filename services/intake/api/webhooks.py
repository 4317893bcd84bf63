"""/v1/webhooks: who is told about events."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake import endpoint_health, repository
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
from shared.db import subscription_end
from shared.db.sealed_types import opened
from shared.domain import endpoint_secret
from shared.domain.endpoint_health import Health
from shared.domain.errors import FieldError, InvalidInput, NotFound, SecretUnreadable
from shared.domain.ids import Prefix, new_id
from shared.domain.subscription import SigningScheme
from shared.schemas.base import patch_of
from shared.schemas.subscription import (
    CreateSubscriptionSchema,
    NewSubscriptionSchema,
    RotateSecretSchema,
    SubscriptionPageSchema,
    SubscriptionSchema,
    UpdateSubscriptionSchema,
)

blp = blueprint("webhooks", "Subscriptions: signed events (Standard Webhooks) to your URL.")

#: No shorter than ids are, so that `/webhooks/event-types` is no subscription.
SUBSCRIPTION_ID = "<string(minlength=36):subscription_id>"

_schema = SubscriptionSchema(unknown="exclude")
_new_schema = NewSubscriptionSchema(unknown="exclude")


@blp.route("/webhooks", methods=["POST"])
@requires("webhooks:write", problems=(400, 401, 403, 413, 415, 422, 503))
@body(CreateSubscriptionSchema())
@blp.response(201, NewSubscriptionSchema())
def create_subscription(content: dict[str, Any]) -> Response:
    """Subscribe a URL to events. The answer holds the signing secret, this once.

    `secret` brings one of your own.
    """
    app = parts()
    app.destinations.require(content["url"])
    now = app.now()
    signing = content.pop("signing")
    secret = endpoint_secret.make(signing, now, content.pop("secret"))
    row = {
        "id": new_id(Prefix.SUBSCRIPTION),
        **content,
        "secrets": [secret],
        "disabled_reason": None,
        "disabled_at": None if content["enabled"] else now,
        "created_at": now,
        "updated_at": now,
    }
    document = _with_secret(row, secret, now)
    with change() as unit:
        repository.add(unit.tx, repository.SUBSCRIPTIONS, row)
        return unit.answer(document, 201, {"Location": f"/v1/webhooks/{row['id']}"})


@blp.route("/webhooks", methods=["GET"])
@requires("webhooks:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, SubscriptionPageSchema())
def list_subscriptions(query: Mapping[str, Any]) -> Response:
    """List subscriptions."""
    now = parts().now()
    with parts().database.reading() as connection:
        rows = repository.listing(
            connection, repository.SUBSCRIPTIONS, query["after"], query["limit"] + 1
        )
        healths = endpoint_health.of_endpoints(connection, [row["id"] for row in rows])
    documents = [_readable(row, now, healths.get(row["id"])) for row in rows]
    return page(_schema, documents, "id", query["limit"])


@blp.route(f"/webhooks/{SUBSCRIPTION_ID}", methods=["GET"])
@requires("webhooks:read", problems=(401, 403, 404, 503))
@blp.response(200, SubscriptionSchema())
def get_subscription(subscription_id: str) -> Response:
    """Read a subscription."""
    with parts().database.reading() as connection:
        row = repository.one(connection, repository.SUBSCRIPTIONS, subscription_id, "subscription")
        healths = endpoint_health.of_endpoints(connection, [subscription_id])
    return answer(_schema.dump(_readable(row, parts().now(), healths.get(subscription_id))))


@blp.route(f"/webhooks/{SUBSCRIPTION_ID}", methods=["PATCH"])
@requires("webhooks:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(patch_of(UpdateSubscriptionSchema))
@blp.response(200, SubscriptionSchema())
def update_subscription(content: Mapping[str, Any], subscription_id: str) -> Response:
    """Change a subscription.

    A disabled subscription gets no new events; what was on its way waits until it is enabled.
    `enabled: true` and a new `url` also end a pause or rest of the endpoint.
    """
    app = parts()
    now = app.now()
    values: dict[str, Any] = {**content, "updated_at": now}
    if "url" in content:
        app.destinations.require(content["url"])
    if "enabled" in content:
        values["disabled_reason"] = None
        values["disabled_at"] = None if content["enabled"] else now
    with change() as unit:
        subscriptions = repository.SUBSCRIPTIONS
        if content.get("enabled") or "url" in content:
            endpoint_health.begin_anew(unit.tx, subscription_id)
        repository.change(unit.tx, subscriptions, subscription_id, values, "subscription")
        row = repository.one(unit.tx.flushed(), subscriptions, subscription_id, "subscription")
        healths = endpoint_health.of_endpoints(unit.tx.flushed(), [subscription_id])
        return unit.answer(_schema.dump(_readable(row, now, healths.get(subscription_id))))


@blp.route(f"/webhooks/{SUBSCRIPTION_ID}", methods=["DELETE"])
@requires("webhooks:write", problems=(400, 401, 403, 404, 503))
@blp.response(204)
def delete_subscription(subscription_id: str) -> Response:
    """Delete a subscription with its secrets, and cancel what is on its way there.

    What was sent stays in the ledger for as long as all deliveries do.
    """
    with change() as unit:
        if not subscription_end.delete_subscription(unit.tx, subscription_id, parts().now()):
            message = f"There is no subscription {subscription_id!r}."
            raise NotFound(message)
        return unit.answer(None, 204)


@blp.route(f"/webhooks/{SUBSCRIPTION_ID}/rotate-secret", methods=["POST"])
@requires("webhooks:write", problems=(400, 401, 403, 404, 413, 415, 422, 503))
@body(RotateSecretSchema())
@blp.response(200, NewSubscriptionSchema())
def rotate_secret(content: Mapping[str, Any], subscription_id: str) -> Response:
    """Sign with a new secret from now on; the old ones sign beside it for a while.

    The answer holds the new secret, this once.
    """
    now, subscriptions = parts().now(), repository.SUBSCRIPTIONS
    with change() as unit:
        kept = repository.locked(unit.tx, subscriptions, subscription_id, "subscription")
        row = opened(parts().database.keyring, subscriptions, kept)
        secret = _next_secret(content, row["secrets"], now)
        overlap = timedelta(seconds=content["overlap_s"])
        secrets = endpoint_secret.rotated(row["secrets"], secret, now, overlap)
        values = {"secrets": secrets, "updated_at": now}
        repository.change(unit.tx, subscriptions, subscription_id, values, "subscription")
        health = endpoint_health.of_endpoints(unit.tx.flushed(), [subscription_id])
        shown = _with_secret({**row, **values}, secret, now, health.get(subscription_id))
        return unit.answer(shown)


def _next_secret(
    content: Mapping[str, Any], secrets: Sequence[endpoint_secret.Secret], now: datetime
) -> endpoint_secret.Secret:
    own = content["secret"]
    if own is None:
        scheme = content["signing"] or SigningScheme(secrets[0]["scheme"])
        return endpoint_secret.make(scheme, now)
    known = [each["secret"].encode() for each in endpoint_secret.in_force(secrets, now)]
    # All of them: which one it is takes no shorter than none.
    if any([compare_digest(own.encode(), each) for each in known]):  # noqa: C419
        detail = "This secret signs already; bring another one."
        raise InvalidInput(detail, [FieldError("/secret", detail)])
    return endpoint_secret.make(SigningScheme.V1, now, own)


def _readable(
    row: Mapping[str, Any], now: datetime, health: Health | None = None
) -> dict[str, Any]:
    try:
        row, readable = opened(parts().database.keyring, repository.SUBSCRIPTIONS, row), True
    except SecretUnreadable:
        # Shown as such, so that it can be found, changed and deleted, and the others with it.
        row, readable = {**row, "secrets": (), "headers": {}}, False
    secrets = [
        {**each, "scheme": SigningScheme(each["scheme"])}
        for each in endpoint_secret.in_force(row["secrets"], now)
    ]
    health = health or Health()
    return {
        **row,
        "secrets": secrets,
        "secrets_readable": readable,
        "header_names": sorted(row["headers"]),
        "health": {**asdict(health), "state": health.state(now)},
    }


def _with_secret(
    row: Mapping[str, Any],
    secret: endpoint_secret.Secret,
    now: datetime,
    health: Health | None = None,
) -> dict[str, Any]:
    shown = {**_readable(row, now, health), "secret": endpoint_secret.to_verify_with(secret)}
    document: dict[str, Any] = _new_schema.dump(shown)
    return document
