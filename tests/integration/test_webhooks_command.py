"""`patchbay webhooks`: the API by commands."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from services.cli.webhooks.command import webhooks
from shared.domain.webhook_signature import new_secret
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.desk import Desk
from tests.receiver import Receiver
from tests.waiting import eventually

Command = Callable[..., Result]

pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)


@pytest.fixture
def command(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> Iterator[Command]:
    """Runs `patchbay webhooks …` against the API over a socket."""
    start_host(runtime)
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    place = ["--url", f"http://127.0.0.1:{server.port}", "--key", desk.token]

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(webhooks, [*arguments, *place])

    yield run
    server.shutdown()
    thread.join()
    server.server_close()


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_subscription_is_made_shown_changed_rotated_and_tested(
    command: Command, receiver: Receiver
) -> None:
    choices = ["--event", "ticket.*", "--header", "X-Key: abc", "--style", "thin", "--rate", "50"]
    choices += ["--owner", "ops@example.com", "--filter", "event.sequence > 0"]
    choices += ["--no-trace-context"]
    made = document(command("create", receiver.url, *choices, "--json"))
    assert made["secret"].startswith("whsec_")
    assert (made["payload_style"], made["header_names"]) == ("thin", ["X-Key"])
    assert made["trace_context"] is False
    shown = command("show", made["id"])
    assert "ops@example.com" in shown.output
    assert made["secret"] not in shown.output
    changed = command("update", made["id"], "--filter", "", "--style", "full", "--json")
    assert (document(changed)["filter"], document(changed)["trace_context"]) == (None, False)
    traced = document(command("update", made["id"], "--trace-context", "--json"))
    assert traced["trace_context"] is True
    assert made["id"] in command("list").output
    rotated = document(command("rotate", made["id"], "--signing", "v1a", "--json"))
    assert rotated["secret"].startswith("whpk_")
    tested = command("test", made["id"])
    assert tested.exit_code == 0, tested.output
    assert "delivered 204" in tested.output
    [message] = receiver.received
    assert message.headers["x-key"] == "abc"


def test_a_secret_of_ones_own_is_read_from_a_file_and_goes_with_the_subscription(
    command: Command, receiver: Receiver, tmp_path: Path
) -> None:
    file, secret = tmp_path / "secret", new_secret()
    file.write_text(secret + "\n")
    made = document(command("create", receiver.url, "--secret-file", str(file), "--json"))
    assert made["secret"] == secret
    again = command("rotate", made["id"], "--secret-file", str(file))
    assert again.exit_code == 2
    assert "This secret signs already" in again.output
    assert secret not in again.output
    assert command("delete", made["id"]).output.startswith(f"{made['id']} is deleted;")
    gone = command("delete", made["id"])
    assert gone.exit_code == 2
    assert "There is no subscription" in gone.output


def test_a_test_that_is_refused_says_so(command: Command, receiver: Receiver) -> None:
    receiver.manner = lambda event, earlier: 500
    made = document(command("create", receiver.url, "--json"))
    tested = command("test", made["id"])
    assert tested.exit_code == 1
    assert "temporary_failure 500" in tested.output


def test_what_was_sent_is_listed_and_sent_again(
    command: Command, desk: Desk, receiver: Receiver
) -> None:
    made = document(command("create", receiver.url, "--event", "ticket.created", "--json"))
    desk.ticket()
    receiver.wait_for(1)
    listed = eventually(
        lambda: json.loads(
            command("deliveries", made["id"], "--state", "delivered", "--json").output
        )
    )
    assert "ticket.created" in command("deliveries", made["id"]).output
    [delivery] = listed
    counted = command("replay", made["id"], "--state", "delivered", "--dry-run")
    assert counted.output.startswith("1 would be sent again")
    assert command("replay", delivery["id"]).exit_code == 0
    receiver.wait_for(2)
    assert "#1 delivered" in command("delivery", delivery["id"]).output


def test_a_refusal_is_told_as_the_api_tells_it(command: Command) -> None:
    done = command("create", "https://example.com/hook", "--filter", "event.x")
    assert done.exit_code == 2
    assert "/filter Line 1, column 6" in done.output
    assert command("show", "whk_1").exit_code == 2
    assert command("create", "https://example.com/hook", "--header", "none").exit_code == 2
    assert CliRunner().invoke(webhooks, ["list"]).exit_code == 2, "without a key"
