"""Mails in the ledger: found by what one knows of them, and sent again, one or many."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from werkzeug.serving import make_server

from services.cli.mail.command import mail
from shared.db.models import Delivery
from shared.domain.clock import rfc3339
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.api_keys import create_key
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.fixtures.relays import Relay
from tests.problems import assert_problem
from tests.rows import rows
from tests.waiting import eventually

NAMES = ("ada", "bob", "eva")
REFUSAL = "554 5.7.1 not liked"


@pytest.fixture
def runtime(
    relay: Relay, clock: ShiftedClock, settings: Settings, new_runtime: Callable[..., Runtime]
) -> Runtime:
    """One that mails to the relay."""
    return new_runtime(replace(settings, email_url=relay.url), clock)


@pytest.fixture
def desk(new_app: Callable[[Runtime], Flask], runtime: Runtime, token: str) -> Desk:
    return Desk(new_app(runtime), token)


def found(desk: Desk, **query: Any) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return list(desk.ok("GET", f"/v1/deliveries?channel=email&{asked}")["items"])


def fail_three(relay: Relay, desk: Desk) -> list[str]:
    """Have one mail delivered and then three refused; return the tickets of these."""
    desk.ticket(requester={"email": "fine@example.com"})
    eventually(lambda: found(desk, state="delivered"))
    relay.answers = [REFUSAL] * len(NAMES)
    tickets = [desk.ticket(requester={"email": f"{n}@example.com"})["id"] for n in NAMES]
    eventually(lambda: len(found(desk, state="failed")) == len(NAMES))
    return tickets


def test_mails_are_found_by_state_receiver_kind_ticket_and_time(
    relay: Relay, desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    before = rfc3339(runtime.clock.now())
    start_host(runtime, ["notifier"])
    tickets = fail_three(relay, desk)
    everything = found(desk)
    assert [each["id"] for each in everything] == sorted(
        (each["id"] for each in everything), reverse=True
    )
    assert [each["ticket_id"] for each in found(desk, state="failed")] == tickets[::-1]
    [bobs] = found(desk, receiver="bob@example.com", state="failed")
    assert (bobs["ticket_id"], bobs["last_error"]) == (tickets[1], REFUSAL)
    assert found(desk, ticket_id=tickets[1]) == [bobs]
    assert found(desk, ticket_id=tickets[1], receiver="bob@example.com") == [bobs]
    assert found(desk, kind="ticket_received", event_type="ticket.created") == everything
    assert found(desk, kind="ticket_closed") == []
    assert found(desk, created_after=before) == everything
    assert found(desk, created_before=before) == []
    assert found(desk, created_before=bobs["created_at"]) == [
        each for each in everything if each["created_at"] < bobs["created_at"]
    ]
    page = desk.ok("GET", "/v1/deliveries?state=failed&limit=2")
    rest = desk.ok("GET", f"/v1/deliveries?state=failed&limit=2&after={page['next']}")
    assert [each["ticket_id"] for each in page["items"] + rest["items"]] == tickets[::-1]
    assert rest["next"] is None
    assert desk.ok("GET", "/v1/deliveries?channel=webhook")["items"] == []
    assert_problem(desk.call("GET", "/v1/deliveries?channel=fax"), 422, "invalid-input")


def test_mails_that_failed_are_counted_first_and_then_sent_again_at_a_rate(
    relay: Relay,
    desk: Desk,
    runtime: Runtime,
    clock: ShiftedClock,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> None:
    host = start_host(runtime, ["notifier"])
    tickets = fail_three(relay, desk)
    path = "/v1/mail/replays"
    counted = desk.ok("POST", path, {"dry_run": True})
    assert (counted["count"], counted["dry_run"]) == (3, True)
    for choice, count in (
        ({"receiver": "bob@example.com"}, 1),
        ({"ticket_id": tickets[0]}, 1),
        ({"kinds": ["ticket_closed"]}, 0),
        ({"states": ["delivered", "failed"]}, 4),
    ):
        assert desk.ok("POST", path, {**choice, "dry_run": True})["count"] == count
    assert_problem(desk.call("POST", path, {"states": ["pending"]}), 422, "invalid-input")
    assert_problem(desk.call("POST", path, {"kinds": ["event"]}), 422, "invalid-input")
    reader = Desk(desk.app, create_key(runtime.database, "reader", ["deliveries:read"]))
    assert_problem(reader.call("POST", path, {}), 403, "forbidden")
    host.stop(5)
    sent = desk.ok("POST", path, {"rate_per_s": 2})
    again = [row for row in rows(runtime.database, Delivery) if row["ticket_id"] in tickets]
    due = sorted(row["available_at"] for row in again if row["work_state"] == "ready")
    assert [each - due[0] for each in due] == [timedelta(seconds=s) for s in (0, 0.5, 1)]
    assert sent["due_until"] == rfc3339(due[-1])
    start_host(new_runtime(runtime.settings, clock), ["notifier"])
    eventually(lambda: len(found(desk, state="delivered")) == 1 + len(NAMES))
    ids = [mail["Message-ID"] for mail in relay.mails]
    assert len(ids) == 7
    assert sorted(ids[1:4]) == sorted(ids[4:])
    assert desk.ok("POST", path, {})["count"] == 0


@pytest.fixture
def command(desk: Desk) -> Iterator[Callable[..., Result]]:
    """Runs `patchbay mail …` against the API over a socket."""
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    place = ["--url", f"http://127.0.0.1:{server.port}", "--key", desk.token]
    yield lambda *arguments: CliRunner().invoke(mail, [*arguments, *place])
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_the_command_lists_shows_and_sends_again(
    relay: Relay,
    desk: Desk,
    runtime: Runtime,
    start_host: Callable[..., WorkerHost],
    command: Callable[..., Result],
) -> None:
    start_host(runtime, ["notifier"])
    fail_three(relay, desk)
    listed = json.loads(command("list", "--state", "failed", "--json").stdout)
    assert {each["receiver"] for each in listed} == {f"{name}@example.com" for name in NAMES}
    assert "fine@example.com" in command("list", "--kind", "ticket_received").output
    one = listed[0]["id"]
    assert REFUSAL in command("show", one).output
    assert command("replay", one).output == f"{one} is on its way again.\n"
    eventually(lambda: len(found(desk, state="failed")) == 2)
    counted = command("replay", "--state", "failed", "--dry-run")
    assert counted.output.startswith("2 would be sent again")
    assert command("replay", "--to", "nobody@example.com").output.startswith("0 are sent again")
    assert command("replay").exit_code == 2
    assert command("replay", one, "--dry-run").exit_code == 2
    assert command("show", "dlv_1").exit_code == 2
