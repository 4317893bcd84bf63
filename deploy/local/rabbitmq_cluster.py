"""Three private RabbitMQ nodes in one cluster: what it takes to kill a leader under load.

They read the file that production's nodes read, with other names.
"""

import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from deploy.local.launching import launch
from deploy.local.processes import kill_all
from deploy.local.programs import epmd_program
from deploy.local.rabbitmq import RabbitMQ
from services.chaos.ports import LOOPBACK, choose_port

NODES = 3
CONFIGURATION = Path(__file__).parents[1] / "rabbitmq/cluster.conf"
#: What a node is called there.
SHIPPED_NAME = "rabbit@mq-{number}"


class ClusterNode(RabbitMQ):
    """One node. It shares cookie and port mapper with the others, and dies without them."""

    port_roles: ClassVar[tuple[str, ...]] = ("amqp", "distribution")
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, directory: Path, number: int, port_mapper: int, cookie: str) -> None:
        super().__init__(directory)
        self.node = _name(number)
        self._port_mapper = port_mapper
        self._cookie = cookie

    @property
    def _port_mapper_port(self) -> int:
        return self._port_mapper

    def _launch_port_mapper(self) -> None:
        """The cluster has started it."""

    def _new_cookie(self) -> str:
        return self._cookie

    def _peers(self) -> str:
        text = CONFIGURATION.read_text()
        for number in range(1, NODES + 1):
            text = text.replace(SHIPPED_NAME.format(number=number), _name(number))
        return text


class RabbitMQCluster:
    """The nodes below one directory; not started."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port_mapper_port = choose_port()
        cookie = secrets.token_hex(20)
        self.nodes = [
            ClusterNode(directory / f"node{number}", number, self._port_mapper_port, cookie)
            for number in range(1, NODES + 1)
        ]

    def __iter__(self) -> Iterator[ClusterNode]:
        return iter(self.nodes)

    def start(self) -> None:
        """Start all nodes at once, as they wait for each other; return when all serve."""
        self._directory.mkdir(parents=True, exist_ok=True)
        port = str(self._port_mapper_port)
        self._port_mapper = launch(
            [epmd_program(), "-port", port, "-address", LOOPBACK],
            self._directory / "port-mapper.log",
            {},
        )
        with ThreadPoolExecutor(NODES) as pool:
            list(pool.map(lambda node: node.start(), self.nodes))
        for node in self.nodes:
            node.control("await_startup")

    def remove(self) -> None:
        """Kill all nodes and delete their data."""
        for node in self.nodes:
            node.remove()
        kill_all([self._port_mapper])

    def leader(self, queue: str) -> ClusterNode:
        """Return the node that leads a quorum queue; raises LookupError if it has no leader now."""
        asked = next(node for node in self.nodes if node.running)
        for line in asked.control("list_queues", "name", "leader").splitlines():
            name, _, leader = line.partition("\t")
            if name == queue:
                return next(node for node in self.nodes if node.node == leader)
        raise LookupError(queue)


def _name(number: int) -> str:
    return f"patchbay{number}@localhost"
