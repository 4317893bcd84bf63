"""A private RabbitMQ: one node, with a port mapper (epmd) of its own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from deploy.local.errors import ControlFailed, NotRunning
from deploy.local.programs import epmd_program, rabbitmq_programs
from deploy.local.server import LocalServer
from deploy.local.state import SERVER
from shared.ports import LOOPBACK

USER = "guest"
PASSWORD = "guest"  # noqa: S105 -- RabbitMQ's default, on loopback
NODE = "patchbay@localhost"
PORT_MAPPER = "epmd"
HANDSHAKE_TIMEOUT_S = 1.0

NOT_UP = "requires the 'rabbit' app to be running"
"""What ``rabbitmqctl`` says to a node that does not call itself started."""

# Two schedulers that sleep when idle: a node beside tests must not take all the cores.
SERVER_ERLANG = (
    "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
)
CONTROL_ERLANG = "+S 1:1 +sbwt none"

CONFIGURATION = f"""\
listeners.tcp.1 = {LOOPBACK}:{{port}}
loopback_users = none
vm_memory_high_watermark.absolute = 800MiB
disk_free_limit.absolute = 50MB
collect_statistics_interval = 5000
log.file.level = warning
"""
ALONE = f"""\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {NODE}
"""


class RabbitMQ(LocalServer):
    """A RabbitMQ node of its own; see ``LocalServer`` for its life cycle.

    ``freeze`` leaves the port mapper running, ``kill`` does not.
    """

    name: ClassVar[str] = "RabbitMQ"
    port_roles: ClassVar[tuple[str, ...]] = ("amqp", "distribution", PORT_MAPPER)
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    node = NODE

    @property
    def url(self) -> str:
        """The AMQP URL of the default virtual host."""
        return self._vhost_url("/")

    def create_vhost(self, name: str) -> str:
        """Create a virtual host, with all permissions, unless it exists; returns its AMQP URL."""
        self.control("add_vhost", name)
        self.control("set_permissions", "-p", name, USER, ".*", ".*", ".*")
        return self._vhost_url(name)

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` against the node; returns what it printed.

        Raises NotRunning, or ControlFailed if the command fails. A frozen node makes it fail too:
        after about 15 s, when Erlang gives up connecting.

        A node serves clients slightly before it calls itself started; commands in between wait.
        """
        if not self.running:
            raise NotRunning(f"{self.name} in {self.directory} is not running")
        done = self._run_control(*arguments)
        if done.returncode != 0 and NOT_UP in done.stdout:
            self._run_control("await_startup")
            done = self._run_control(*arguments)
        if done.returncode != 0:
            raise ControlFailed(f"rabbitmqctl {arguments[0]} failed:\n{done.stdout}")
        return done.stdout

    def _run_control(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(rabbitmq_programs() / "rabbitmqctl"), "--quiet", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
            cwd="/",
            check=False,
        )

    def flush_definitions(self) -> None:
        """Make sure that queues declared so far survive ``kill``.

        RabbitMQ confirms a declaration slightly before its database (Mnesia) has written it. A
        durable queue can therefore be lost if the node is killed at that moment, together with the
        confirmed messages in it (RabbitMQ 3.10: 4 of 36 queues killed right after declaration).
        """
        self.control("eval", "mnesia:sync_log().")

    def wipe(self) -> None:
        """Start over on the same port: all queues, messages and virtual hosts are gone."""
        with self._locked():
            self._kill()  # An orderly stop would only write down what is deleted next.
            shutil.rmtree(self._data, ignore_errors=True)
            self._start()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _logs(self) -> tuple[Path, ...]:
        return (self.directory / "console.log", self.directory / "rabbitmq.log")

    def _launch(self) -> None:
        self._data.mkdir(exist_ok=True)
        self._write_cookie()
        (self.directory / "enabled_plugins").write_text("[].\n")
        (self.directory / "rabbitmq.conf").write_text(self._configuration())
        self._launch_port_mapper()
        server = [str(rabbitmq_programs() / "rabbitmq-server")]
        self._spawn(SERVER, server, self._logs[0], self._environment())

    def _launch_port_mapper(self) -> None:
        """Started by us, because the one that Erlang starts leaves our session and outlives it."""
        port = str(self._port_mapper_port)
        port_mapper = [epmd_program(), "-port", port, "-address", LOOPBACK]
        self._spawn(PORT_MAPPER, port_mapper, self._logs[0], self._environment())

    @property
    def _port_mapper_port(self) -> int:
        return self._state.ports[PORT_MAPPER]

    @property
    def _server_erlang(self) -> str:
        """What the virtual machine of the node is told."""
        return SERVER_ERLANG

    def _configuration(self) -> str:
        return CONFIGURATION.format(port=self.port) + self._peers()

    def _peers(self) -> str:
        """Which nodes there are; without that the node would look around for others."""
        return ALONE

    def _ready(self) -> bool:
        """Whether the node answers a protocol header with a method frame (AMQP 0-9-1, 4.2.2)."""
        address = (LOOPBACK, self.port)
        try:
            with socket.create_connection(address, timeout=HANDSHAKE_TIMEOUT_S) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _write_cookie(self) -> None:
        """The secret that node and tools share; Erlang wants it readable by its owner only."""
        cookie = self.directory / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(self._new_cookie())
            cookie.chmod(0o400)

    def _new_cookie(self) -> str:
        return secrets.token_hex(20)

    def _vhost_url(self, vhost: str) -> str:
        return f"amqp://{USER}:{PASSWORD}@{LOOPBACK}:{self.port}/{quote(vhost, safe='')}"

    def _environment(self) -> dict[str, str]:
        """The caller's environment with every RabbitMQ and Erlang setting replaced by ours.

        Each path below would otherwise default to one of the system's broker.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RABBITMQ_", "ERL_", "NOTIFY_SOCKET"))
        }
        home = str(self.directory)
        ports = self._state.ports
        return {
            **inherited,
            "HOME": home,
            "ERL_CRASH_DUMP": f"{home}/erl_crash.dump",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._port_mapper_port),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "RABBITMQ_MNESIA_BASE": str(self._data),
            "RABBITMQ_LOG_BASE": home,
            "RABBITMQ_LOGS": str(self._logs[1]),
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/advanced",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": self._server_erlang,
            "RABBITMQ_CTL_ERL_ARGS": CONTROL_ERLANG,
            # Makes the start script become the node instead of staying as its parent, so that the
            # pid we know is the node's. Without NOTIFY_SOCKET it has no other effect.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
