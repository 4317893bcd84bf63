"""`patchbay doctor`: a user of RabbitMQ that lacks rights is told which, and how to get them."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.rabbitmq.make_definitions import definitions
from shared.domain.work import ListName
from shared.messaging.amqp import AmqpTransport
from shared.messaging.broker_look import QueueLook, look_at
from shared.settings import QueueType
from tests.doctor import look, said, settings_of
from tests.fixtures.modes import Mode

pytestmark = [
    pytest.mark.usefixtures("clean_environment"),
    pytest.mark.parametrize("mode", ["distributed"], indirect=True),
]

PASSWORD = "s3cr3t-w0rd"
ALL, NONE = ".*", "^$"


@pytest.fixture
def user(mode: Mode) -> Iterator[str]:
    """A user of the broker, which other tests may use at the same time."""
    assert mode.rabbitmq is not None
    name = f"narrow_{secrets.token_hex(4)}"
    mode.rabbitmq.control("add_user", name, PASSWORD)
    yield name
    mode.rabbitmq.control("delete_user", name)


@pytest.fixture
def broker_of(mode: Mode, user: str) -> Callable[..., str]:
    """Gives the user these rights to configure, write and read; returns the URL of the broker."""

    def give(*rights: str) -> str:
        assert mode.rabbitmq is not None
        mode.rabbitmq.control("set_permissions", "-p", mode.vhost, user, *rights)
        return f"amqp://{user}:{PASSWORD}@{mode.broker_url.rpartition('@')[2]}"

    return give


@pytest.fixture
def environment(mode: Mode, tmp_path: Path) -> dict[str, str]:
    return settings_of(mode, tmp_path)


@pytest.mark.parametrize(
    ("rights", "missing"),
    [
        ((NONE, ALL, ALL), "configure bulk, email, events and 8 more"),
        ((ALL, NONE, ALL), "write amq.default"),
        ((ALL, ALL, NONE), "read bulk, email, events and 8 more"),
        (("^(?!sla)", ALL, "^(?!sla)"), "configure sla, read sla"),
    ],
)
def test_a_right_that_is_missing_is_told_with_the_command_that_gives_it(
    environment: dict[str, str],
    broker_of: Callable[..., str],
    mode: Mode,
    user: str,
    rights: tuple[str, str, str],
    missing: str,
) -> None:
    done = look(environment, "--json", "--only=broker", BROKER_URL=broker_of(*rights))
    assert done.returncode == 2
    assert said(done, "warning", "error") == [("broker", f"the user {user} may not {missing}")]
    assert f"rabbitmqctl set_permissions -p {mode.vhost} {user} '.*' '.*' '.*'" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", QueueType)
def test_the_rights_that_are_recommended_are_enough_and_looking_changes_nothing(
    environment: dict[str, str], broker_of: Callable[..., str], kind: QueueType
) -> None:
    [account] = definitions()["definitions.json"]["permissions"]
    url = broker_of(account["configure"], account["write"], account["read"])
    transport = AmqpTransport(url, kind)
    transport.publish(ListName.ROUTING, b"{}")
    transport.close()
    done = look(environment, "--json", "--only=broker", BROKER_URL=url)
    [(_, lonely)] = said(done, "warning", "error")
    assert lonely.startswith("nobody listens for ")
    there = {name: queue for name, queue in look_at(url).queues.items() if queue}
    assert there == {ListName.ROUTING: QueueLook(messages=1, consumers=0)}
