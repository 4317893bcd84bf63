"""Who may call: API keys, their scopes and their end; and the secrets that are shown once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from services.cli.keys import create_key
from shared.db.models import ApiKey, Subscription
from shared.db.models.base import table
from shared.domain.clock import ManualClock, SystemClock
from shared.domain.ids import Prefix
from shared.runtime import Runtime
from tests.desk import Desk, ticket_body
from tests.problems import assert_problem
from tests.receiver import Receiver
from tests.rows import rows


@pytest.mark.parametrize(
    "header", ["", "Basic abc", "Bearer", "Bearer ", "Bearer pbk_nobody_has_this"]
)
def test_without_a_known_key_it_is_401(desk: Desk, header: str) -> None:
    response = desk.call("POST", "/v1/tickets", ticket_body(), headers={"Authorization": header})
    assert_problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_key_is_401(
    new_runtime: Callable[..., Runtime], new_app: Callable[[Runtime], Flask], database: Any
) -> None:
    token = create_key(database, "short", ["*"], days=1)
    clock = ManualClock(SystemClock().now())
    desk = Desk(new_app(new_runtime(None, clock)), token)
    assert desk.call("GET", "/v1/agents").status_code == 200
    clock.advance(timedelta(days=1, seconds=1))
    problem = assert_problem(desk.call("GET", "/v1/agents"), 401, "unauthenticated")
    assert "expired" in problem["detail"]


def test_a_revoked_key_is_401(desk: Desk, database: Any) -> None:
    keys = table(ApiKey)
    desk.token = create_key(database, "leaked", ["*"])
    with database.transaction() as tx:
        revoked = update(keys).where(keys.c.name == "leaked")
        tx.execute(revoked.values(revoked_at=SystemClock().now()))
    problem = assert_problem(desk.call("GET", "/v1/agents"), 401, "unauthenticated")
    assert "revoked" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/tickets", "tickets:write"),
        ("GET", "/v1/tickets/tkt_1", "tickets:read"),
        ("GET", "/v1/tickets/tkt_1/events", "tickets:read"),
        ("POST", "/v1/agents", "agents:write"),
        ("GET", "/v1/teams", "agents:read"),
        ("PUT", "/v1/routing/rules", "routing:write"),
        ("GET", "/v1/webhooks", "webhooks:read"),
    ],
)
def test_a_key_without_the_scope_is_403(
    desk: Desk, database: Any, method: str, path: str, scope: str
) -> None:
    others = {"tickets:read", "tickets:write", "agents:read", "webhooks:write"} - {scope}
    desk.token = create_key(database, "narrow", sorted(others))
    body = None if method == "GET" else {}
    problem = assert_problem(desk.call(method, path, body), 403, "forbidden")
    assert problem["scope"] == scope


def test_the_secret_is_shown_once(desk: Desk, receiver: Receiver, runtime: Runtime) -> None:
    made = desk.webhook(receiver.url)
    assert made["id"].startswith(f"{Prefix.SUBSCRIPTION}_")
    assert "secret" not in desk.ok("GET", f"/v1/webhooks/{made['id']}")
    assert all("secret" not in item for item in desk.ok("GET", "/v1/webhooks")["items"])
    [row] = rows(runtime.database, Subscription)
    assert row["secret"] == made["secret"]
