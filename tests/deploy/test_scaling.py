"""What KEDA asks the database: it counts what more processes could do, and sees no more."""

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import insert, text

from services.notifier import health_repository
from shared.db.models import Delivery, EndpointHealth, Ticket
from shared.db.models.base import table
from shared.domain.clock import SystemClock
from shared.domain.delivery import DeliveryChannel
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState
from tests.deploy.documents import KUBERNETES, ROOT, SERVICES, load, named
from tests.deploy.postgres_conf import setting
from tests.rows import set_columns

SCALING = KUBERNETES / "overlays/production/scaling.yaml"
ROLE = (ROOT / "deploy/postgres/scaling_role.sql").read_text()
WEBHOOK, EMAIL = DeliveryChannel.WEBHOOK, DeliveryChannel.EMAIL
#: For KEDA, a migration and people.
OTHER_CONNECTIONS = 20
AGE_S = 90


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_what_is_due_counts_and_what_waits_for_something_else_does_not(desk, runtime):
    database = runtime.database
    assert set(answers(database.url).values()) == {0}
    now = SystemClock().now()
    due, later = now - timedelta(seconds=AGE_S), now + timedelta(hours=1)
    tickets = [desk.ticket()["id"] for _ in range(3)]
    endpoint, resting, off = (
        desk.webhook(f"https://{name}.example/hook")["id"] for name in ("good", "failing", "off")
    )
    desk.ok("PATCH", f"/v1/webhooks/{off}", {"enabled": False})
    with database.transaction() as tx:
        tx.execute(text("UPDATE event_outbox SET available_at = :due"), {"due": due})
        tx.execute(text("UPDATE tickets SET available_at = :due"), {"due": due})
        health_repository.add(tx, [endpoint, resting])
        rows = [
            delivery(tickets[0], WEBHOOK, endpoint, due),
            delivery(tickets[1], WEBHOOK, endpoint, later),
            delivery(tickets[0], WEBHOOK, resting, due),
            delivery(tickets[0], WEBHOOK, off, due),
            delivery(tickets[0], EMAIL, "mira@example.com", due),
            delivery(tickets[1], EMAIL, "mira@example.com", due),
            delivery(tickets[2], EMAIL, "mira@example.com", due, WorkState.DONE),
        ]
        tx.execute(insert(table(Delivery)).values(rows))
    set_columns(database, EndpointHealth, resting, blocked_until=later)
    set_columns(database, Ticket, tickets[2], available_at=later)

    found = answers(database.url)

    assert {name: n for name, n in found.items() if not name.endswith("oldest")} == {
        "routing-backlog": 2,
        "events-backlog": 3,
        "webhook-backlog": 1,
        "email-backlog": 2,
        "bulk-backlog": 0,
    }
    assert AGE_S <= found["routing-oldest"] < 2 * AGE_S
    assert AGE_S <= found["events-oldest"] < 2 * AGE_S


def test_every_service_is_scaled_within_bounds_and_goes_down_slowly():
    found = scaled()

    assert set(found) == {f"patchbay-{service}" for service in SERVICES}
    for name, spec in found.items():
        assert named("Deployment", name)
        assert "replicas" not in named("Deployment", name)["spec"]
        assert 2 <= spec["minReplicaCount"] < spec["maxReplicaCount"]
        down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
        assert down["stabilizationWindowSeconds"] >= 60


def test_triggers_say_how_their_number_is_meant_and_who_may_ask():
    asked = [each for each in triggers() if each["type"] == "postgresql"]
    authentication = next(d for d in load(SCALING) if d["kind"] == "TriggerAuthentication")

    assert len({each["name"] for each in asked}) == len(asked)
    for each in asked:
        age = each["name"].endswith("-oldest")
        # An age is the same for one process and for ten; rows are shared between them.
        assert each["metricType"] == ("Value" if age else "AverageValue")
        assert float(each["metadata"]["targetQueryValue"]) > 0
        assert each["authenticationRef"]["name"] == authentication["metadata"]["name"]
    assert authentication["spec"]["secretTargetRef"][0]["parameter"] == "connection"


def test_as_many_processes_as_there_may_be_find_connections():
    (base,) = load(KUBERNETES / "base/kustomization.yaml")
    literals = dict(line.split("=", 1) for line in base["configMapGenerator"][0]["literals"])
    surge = {
        name: named("Deployment", name)["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        for name in scaled()
    }
    processes = sum(spec["maxReplicaCount"] + surge[name] for name, spec in scaled().items())

    needed = processes * int(literals["PATCHBAY_DATABASE_POOL_SIZE"]) + OTHER_CONNECTIONS

    assert needed <= int(setting("max_connections"))


def answers(url):
    """What each trigger's query returns to the role that it is asked by."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(ROLE.encode())
        try:
            asker = psycopg.connect(
                url.replace("+psycopg", ""), user="patchbay_scaling", autocommit=True
            )
            with asker:
                found = {name: asker.execute(query).fetchone() for name, query in queries().items()}
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    asker.execute("SELECT subject FROM tickets")
        finally:
            owner.execute("DROP OWNED BY patchbay_scaling; DROP ROLE patchbay_scaling")
    return {name: number for name, (number,) in found.items()}


def delivery(ticket_id, channel, receiver, available_at, state=WorkState.READY):
    return {
        "id": new_id(Prefix.DELIVERY),
        "event_id": new_id(Prefix.EVENT),
        "ticket_id": ticket_id,
        "sequence": 1,
        "channel": channel,
        "receiver": receiver,
        "kind": "event",
        "rank": 0,
        "work_state": state,
        "available_at": available_at,
        "created_at": available_at,
    }


def scaled():
    return {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]
        for each in load(SCALING)
        if each["kind"] == "ScaledObject"
    }


def triggers():
    return [each for spec in scaled().values() for each in spec["triggers"]]


def queries():
    return {each["name"]: each["metadata"]["query"] for each in triggers() if "name" in each}
