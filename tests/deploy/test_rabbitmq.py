"""RabbitMQ's files, taken in by a real node, and what services do under that account."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pika
import pytest

from deploy.local import RabbitMQ
from deploy.local.rabbitmq_cluster import NODES, RabbitMQCluster
from deploy.rabbitmq.make_definitions import FOLDER, USER, VHOST, rendered
from shared.domain.work import ListName
from shared.messaging.amqp import AmqpTransport, PatchbayRabbitmqBroker
from shared.settings import QueueType
from tests.waiting import eventually

PASSWORD = "s3cret"


class Configured(RabbitMQ):
    """A node that reads our rabbitmq.conf and cluster.conf, beside what makes it private."""

    def _environment(self) -> dict[str, str]:
        ours = (FOLDER / "rabbitmq.conf").read_text()
        # The disk of a machine that runs tests may be as full as it is.
        ours = ours.replace("disk_free_limit.absolute = 1GB", "disk_free_limit.absolute = 50MB")
        private = f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
        (self.directory / "ours.conf").write_text(private + ours + first_of_cluster(self.node))
        return {**super()._environment(), "RABBITMQ_CONFIG_FILE": f"{self.directory}/ours"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, servers: object) -> Iterator[RabbitMQ]:
    """A node with the definitions and a password, as docs/deploy.md says."""
    node = Configured(tmp_path_factory.mktemp("rabbitmq") / "node")
    node.start()
    try:
        node.control("import_definitions", str(FOLDER / "definitions.json"))
        node.control("change_password", USER, PASSWORD)
        yield node
    finally:
        node.remove()


@pytest.fixture
def url(node: RabbitMQ) -> str:
    return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{urlsplit(node.url).port}/{VHOST}"


@pytest.mark.parametrize("name", rendered())
def test_the_files_are_what_the_lists_ask_for(name):
    assert (FOLDER / name).read_text() == rendered()[name]


def test_the_settings_are_taken(node):
    shown = node.control("environment")

    assert "{channel_max,64}" in shown
    assert "{heartbeat,30}" in shown
    assert "{max_message_size,1048576}" in shown
    assert "{cluster_partition_handling,pause_minority}" in shown
    assert "{cluster_nodes,{[patchbay@localhost],disc}}" in shown


def test_the_cluster_of_the_fault_tests_reads_the_shipped_file(tmp_path):
    shipped = (FOLDER / "cluster.conf").read_text()

    for node in RabbitMQCluster(tmp_path).nodes:
        assert re.sub(r"patchbay(\d)@localhost", r"rabbit@mq-\1", node._peers()) == shipped
    assert len(re.findall("classic_config.nodes", shipped)) == NODES


@pytest.mark.parametrize("kind", QueueType)
def test_a_policy_bounds_the_doorbells_and_the_account_may_do_what_services_do(node, url, kind):
    node.control("import_definitions", str(FOLDER / f"policies-{kind}.json"))
    broker = PatchbayRabbitmqBroker(url, kind)
    for name in ListName:
        broker.declare_queue(name, ensure=True)
    transport = AmqpTransport(url, kind)
    parameters = pika.URLParameters(url)
    try:
        for _ in range(1100):
            transport.publish(ListName.ROUTING, b"{}")
        shown = eventually(lambda: queues(node, waiting=1000))
        with pika.BlockingConnection(parameters) as connection, connection.channel() as channel:
            _, _, body = channel.basic_get(ListName.ROUTING, auto_ack=True)
    finally:
        transport.close()
        broker.close()
        with pika.BlockingConnection(parameters) as connection, connection.channel() as channel:
            for name in ListName:
                channel.queue_delete(name)

    assert body == b"{}"
    assert set(shown) == set(ListName)
    for policy, queue_type, _ in shown.values():
        assert policy == "patchbay-doorbells"
        assert kind in queue_type


def test_the_account_may_touch_nothing_else(url):
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            connection.channel().queue_declare("something-else", durable=True)
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            connection.channel().exchange_declare("other", durable=True)


def test_no_password_is_in_the_files_and_none_is_right_before_one_is_set(node, url):
    node.control("add_user", "spare", "x")
    node.control("clear_password", USER)
    try:
        with pytest.raises(pika.exceptions.ProbableAuthenticationError):
            pika.BlockingConnection(pika.URLParameters(url))
    finally:
        node.control("change_password", USER, PASSWORD)
        node.control("delete_user", "spare")
    text = (FOLDER / "definitions.json").read_text()
    assert '"password_hash": ""' in text
    assert PASSWORD not in text


def first_of_cluster(node: str) -> str:
    """cluster.conf as the first of its nodes, and the only one, reads it."""
    lines = (FOLDER / "cluster.conf").read_text().replace("rabbit@mq-1", node).splitlines(True)
    return "".join(line for line in lines if "rabbit@mq-" not in line)


def queues(node: RabbitMQ, waiting: int) -> dict[str, list[str]]:
    """The queues by name, once the one that was filled holds so many messages."""
    columns = ("name", "policy", "type", "messages_ready")
    lines = node.control(
        "list_queues", "--vhost", VHOST, "--no-table-headers", *columns
    ).splitlines()
    found = {name: rest for name, *rest in (line.split("\t") for line in lines if "\t" in line)}
    full = found.get(ListName.ROUTING, ["", "", ""])
    return found if full[2] == str(waiting) else {}
