"""Three private RabbitMQ nodes in one cluster: what it takes to kill a leader under load.

They read the file that production's nodes read, with other names.
"""

import secrets
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from deploy.local.launching import launch
from deploy.local.processes import kill_all
from deploy.local.programs import epmd_program
from deploy.local.rabbitmq import SERVER_ERLANG, RabbitMQ
from shared.ports import LOOPBACK, choose_port

NODES = 3
#: A node from which nothing came for so long is down to the others. By itself it would be 60 s
#: (Erlang, kernel(6), `net_ticktime`), for which a test would have to wait.
NET_TICK_S = 8
CONFIGURATION = Path(__file__).parents[1] / "rabbitmq/cluster.conf"
#: What a node is called there.
SHIPPED_NAME = "rabbit@mq-{number}"

_LEADER = (
    '{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>)), '
    "{{Name, _}} = amqqueue:get_pid(Queue), "
    "case ra_leaderboard:lookup_leader(Name) of {{_, Node}} -> Node; _ -> nobody end."
)
_CUT_OFF = (
    "[erlang:set_cookie(Node, nobodys) || Node <- {nodes}], "
    "[erlang:disconnect_node(Node) || Node <- {nodes}]."
)
_JOIN = "[erlang:set_cookie(Node, '{cookie}') || Node <- {nodes}]."


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

    @property
    def _server_erlang(self) -> str:
        return f"{SERVER_ERLANG} -kernel net_ticktime {NET_TICK_S}"

    def _launch_port_mapper(self) -> None:
        """The cluster has started it."""

    def _new_cookie(self) -> str:
        return self._cookie

    def _peers(self) -> str:
        text = CONFIGURATION.read_text()
        for number in range(1, NODES + 1):
            text = text.replace(SHIPPED_NAME.format(number=number), _name(number))
        return text

    def leader(self, queue: str) -> str:
        """Return which node leads a quorum queue, as this one knows it, who asks nobody for it."""
        return self.control("eval", _LEADER.format(queue=queue)).strip().strip("'")

    def cut_off(self, others: Sequence["ClusterNode"]) -> None:
        """End the connections to other nodes at once, and let there be no new ones.

        A handshake under another cookie is refused, whoever begins it. One after the other, those
        who are left would for a moment not agree on who is there, and pause, too.
        """
        self.control("eval", _CUT_OFF.format(nodes=_listed(others)))

    def join(self, others: Sequence["ClusterNode"]) -> None:
        """Let connections to other nodes be made again."""
        self.control("eval", _JOIN.format(nodes=_listed(others), cookie=self._cookie))


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
        name = asked.leader(queue)
        for node in self.nodes:
            if node.node == name:
                return node
        raise LookupError(queue)

    def others(self, node: ClusterNode) -> list[ClusterNode]:
        """Return all nodes but one."""
        return [each for each in self.nodes if each is not node]

    def await_whole(self, timeout_s: int = 300) -> None:
        """Return when every node serves and sees all others; raises ControlFailed after a while."""
        for node in self.nodes:
            node.control("await_startup")
            node.control("await_online_nodes", str(NODES), "--timeout", str(timeout_s))


def _name(number: int) -> str:
    return f"patchbay{number}@localhost"


def _listed(nodes: Sequence[ClusterNode]) -> str:
    """Return the names as a list of atoms of Erlang."""
    return "[" + ", ".join(f"'{node.node}'" for node in nodes) + "]"
