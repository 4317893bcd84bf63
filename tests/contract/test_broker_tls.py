"""TLS to RabbitMQ: its certificate and name are verified, and it may ask for ours."""

import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local import Servers
from shared.domain.broker_url import parse_broker_url
from shared.domain.errors import Unavailable
from shared.messaging.amqp import AmqpTransport, PatchbayRabbitmqBroker
from shared.messaging.broker_look import look_at
from shared.ports import choose_port
from shared.settings import QueueType, SettingsError, load_settings
from tests.certificates import Authority
from tests.waiting import DEADLINE_S

QUEUE = "tls_test"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def url(servers: Servers, authority: Authority) -> str:
    """The URL of a listener, beside the plain one, that asks for a certificate of the client."""
    certificate, key = authority.issue("127.0.0.1")
    port = choose_port()
    options = (
        f'{{cacertfile,"{authority.path}"}},{{certfile,"{certificate}"}},{{keyfile,"{key}"}},'
        "{verify,verify_peer},{fail_if_no_peer_cert,true}"
    )
    servers.rabbitmq.control(
        "eval",
        "application:ensure_all_started(ssl), "
        f'rabbit_networking:start_ssl_listener({{"127.0.0.1",{port}}}, [{options}], 1).',
    )
    plain = urlsplit(servers.rabbitmq.url)
    return f"amqps://{plain.username}:{plain.password}@127.0.0.1:{port}/%2F"


@pytest.fixture(scope="module")
def ours(authority: Authority) -> str:
    certificate, key = authority.issue("patchbay-notifier")
    return f"certfile={certificate}&keyfile={key}"


def test_the_certificate_of_the_broker_is_verified_with_its_name(
    url: str, authority: Authority, ours: str, tmp_path: Path
) -> None:
    trusted = f"cafile={authority.path}&{ours}"
    assert look_at(f"{url}?{trusted}").product == "RabbitMQ"
    by_another_name = url.replace("127.0.0.1", "localhost")
    for refused in (
        f"{url}?{ours}",
        f"{url}?cafile={Authority(tmp_path).path}&{ours}",
        f"{by_another_name}?{trusted}",
        f"{url}?{trusted}&server_name=mq.example",
        f"{url}?cafile={authority.path}",
    ):
        with pytest.raises(Unavailable):
            look_at(refused)
    assert look_at(f"{by_another_name}?{trusted}&server_name=127.0.0.1").product == "RabbitMQ"


def test_doorbells_go_and_come_over_tls(url: str, authority: Authority, ours: str) -> None:
    whole = f"{url}?cafile={authority.path}&{ours}"
    transport = AmqpTransport(whole, QueueType.CLASSIC)
    transport.publish(QUEUE, b"ring")
    broker = PatchbayRabbitmqBroker(whole, QueueType.CLASSIC)
    found: list[bytes] = []
    got = threading.Event()

    def take(_: object, __: object, ___: object, body: bytes) -> None:
        found.append(body)
        got.set()

    broker.channel.basic_consume(QUEUE, take, auto_ack=True)
    broker.connection.process_data_events(time_limit=DEADLINE_S)
    assert got.is_set()
    assert found == [b"ring"]
    broker.channel.queue_delete(QUEUE)
    broker.close()
    transport.close()


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("amqp://mq.example/?cafile=/etc/hosts", "write amqps://"),
        ("amqps://mq.example/?keyfile=/etc/hosts", "keyfile needs certfile"),
        ("amqps://mq.example/?cafile=/no/such/file", "cafile: there is no file /no/such/file"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_the_start(
    query: str, complaint: str, clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_BROKER_URL", query)
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", "postgresql+psycopg://db.example/patchbay")
    with pytest.raises(SettingsError, match=complaint):
        load_settings()


def test_other_options_of_the_url_are_the_librarys() -> None:
    address = parse_broker_url("amqps://mq.example/%2F?cafile=/a.pem&channel_max=5")
    assert address.url == "amqps://mq.example/%2F?channel_max=5"
    assert address.options == {"cafile": "/a.pem"}
