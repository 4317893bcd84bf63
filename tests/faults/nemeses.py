"""What can go wrong around a desk, by name: how it begins and is mended, and that it did harm.

Each is one strike of `tests.faults.load.Run`: it begins in the thread that has just read a 201, so
that what dies, dies right after an answer, and it is mended beside the run.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from signal import SIGKILL

from deploy.local.server import LocalServer
from services.chaos.nemeses import LASTS_S, freeze, kill, lasting
from tests.faults.doorbell_storm import DoorbellStorm
from tests.faults.evidence import STOOD_STILL, Evidence, Stage, changes, rises, standing
from tests.faults.load import Strike
from tests.faults.proxy import Harm, Proxy

#: Of a broker on another continent, and of a database in another town, each way.
BROKER_DELAY_S, DATABASE_DELAY_S = 0.1, 0.01
RESETS = 5
CUT_AFTER_BYTES = 2_000
LEAP_S, LEAP_BACK_S = 40, -3
#: Receivers refuse a signature that is five minutes old or ahead, and their clocks are right.
MOST_WRONG_S = 280
#: How far the clock of the newest event may be from the one that was set: half of a leap.
CLOCK_TOLERANCE_S = 1.5

_pause = threading.Event()


@dataclass(frozen=True, slots=True)
class Nemesis:
    """What makes a strike, and what proves that it was one."""

    strike: Callable[[Stage], Strike]
    evidence: Evidence


# Processes ------------------------------------------------------------------------------------


def _killed(name: str) -> Nemesis:
    hits = rises(lambda stage: stage.desk.processes[name].hits[SIGKILL])
    return Nemesis(lambda stage: kill(stage.desk, name), hits)


def _frozen(name: str) -> Nemesis:
    def strike(stage: Stage) -> Strike:
        return standing(stage, stage.desk.processes[name].pid, freeze(stage.desk, name))

    return Nemesis(strike, STOOD_STILL)


def _restarts(stage: Stage) -> Strike:
    """Replace every process by another of this release: workers overlap, intake is away a moment.

    `test_rolling_upgrade.py` has two releases.
    """

    def mend() -> None:
        for name, process in stage.desk.processes.items():
            if name == "intake":
                process.stop()
                stage.desk.restart(name)
            else:
                with stage.desk.second(name):
                    process.stop()
                    stage.desk.restart(name)

    return Strike(lambda: None, mend)


_OTHER_PROCESSES = changes(
    lambda stage: stage.desk.processes["intake"].pid,
    lambda stage: stage.desk.processes["router"].pid,
    lambda stage: stage.desk.processes["notifier"].pid,
)

# Servers --------------------------------------------------------------------------------------

Server = Callable[[Stage], LocalServer]


def _rabbitmq(stage: Stage) -> LocalServer:
    return stage.servers.rabbitmq


def _postgres(stage: Stage) -> LocalServer:
    return stage.servers.postgres


def _server_killed(server: Server) -> Nemesis:
    def strike(stage: Stage) -> Strike:
        return Strike(server(stage).kill, server(stage).start)

    return Nemesis(strike, _another(server))


def _another(server: Server) -> Evidence:
    return changes(lambda stage: server(stage).pid)


def _server_frozen(server: Server) -> Nemesis:
    def strike(stage: Stage) -> Strike:
        found = server(stage)
        return standing(stage, found.pid, lasting(found.freeze, found.thaw))

    return Nemesis(strike, STOOD_STILL)


def _storm(stage: Stage) -> Strike:
    storm = DoorbellStorm(stage.servers.rabbitmq.url, stage.seed)

    def end() -> None:
        storm.__exit__()
        stage.seen["doorbells"] += storm.sent

    return lasting(storm.__enter__, end)


# Networks -------------------------------------------------------------------------------------

Network = Callable[[Stage], Proxy]


def _broker(stage: Stage) -> Proxy:
    return stage.broker


def _database(stage: Stage) -> Proxy:
    return stage.database


def _network(
    network: Network, begin: Callable[[Proxy], object], *harm: Callable[[Harm], int]
) -> Nemesis:
    """Return a fault of a network that passes by itself, with what it must have done."""

    def strike(stage: Stage) -> Strike:
        proxy = network(stage)
        return lasting(lambda: begin(proxy), proxy.heal)

    return Nemesis(strike, _harmed(network, *harm))


def _harmed(network: Network, *harm: Callable[[Harm], int]) -> Evidence:
    return rises(*(lambda stage, count=count: count(network(stage).harm) for count in harm))


def _slow(network: Network, delay_s: float) -> Nemesis:
    return _network(network, lambda proxy: proxy.slow(delay_s), lambda harm: harm.delayed)


def _partitioned(network: Network) -> Nemesis:
    return _network(network, lambda proxy: proxy.hold(), lambda harm: harm.held)


def _replies_lost(network: Network) -> Nemesis:
    """What the server says is held, and is gone with its connections."""

    def strike(stage: Stage) -> Strike:
        proxy = network(stage)
        return lasting(lambda: proxy.hold(up=False), lambda: (proxy.reset(), proxy.heal()))

    return Nemesis(strike, _harmed(network, lambda harm: harm.held, lambda harm: harm.reset))


def _reset(network: Network) -> Nemesis:
    def strike(stage: Stage) -> Strike:
        proxy = network(stage)

        def mend() -> None:
            for _ in range(RESETS):
                _pause.wait(LASTS_S / RESETS)
                proxy.reset()

        return Strike(proxy.reset, mend)

    return Nemesis(strike, _harmed(network, lambda harm: harm.reset))


# Clocks ---------------------------------------------------------------------------------------


def _leap(seconds: float) -> Nemesis:
    def strike(stage: Stage) -> Strike:
        def leap() -> None:
            wrong_by = float(stage.clock.read_text())
            stage.clock.write_text(str(min(wrong_by + seconds, MOST_WRONG_S)))

        return Strike(leap, lambda: None)

    return Nemesis(strike, _believed)


def _believed(stage: Stage) -> Callable[[], bool]:
    """Prove it by what was written last: by the clock that was set."""

    def believed() -> bool:
        set_to = float(stage.clock.read_text())
        return abs(stage.desk.wrong_by_s() - set_to) < CLOCK_TOLERANCE_S

    return believed


NEMESES: Mapping[str, Nemesis] = {
    "intake killed (SIGKILL)": _killed("intake"),
    "router killed (SIGKILL)": _killed("router"),
    "notifier killed (SIGKILL)": _killed("notifier"),
    "intake frozen (SIGSTOP)": _frozen("intake"),
    "router frozen (SIGSTOP)": _frozen("router"),
    "notifier frozen (SIGSTOP)": _frozen("notifier"),
    "every process restarted, intake away meanwhile": Nemesis(_restarts, _OTHER_PROCESSES),
    "RabbitMQ killed": _server_killed(_rabbitmq),
    "RabbitMQ wiped": Nemesis(
        lambda stage: Strike(stage.servers.rabbitmq.kill, stage.servers.rabbitmq.wipe),
        _another(_rabbitmq),
    ),
    "RabbitMQ frozen": _server_frozen(_rabbitmq),
    "RabbitMQ slow": _slow(_broker, BROKER_DELAY_S),
    "RabbitMQ partitioned away": _partitioned(_broker),
    "confirms of RabbitMQ lost": _replies_lost(_broker),
    "connections to RabbitMQ reset": _reset(_broker),
    "doorbells doubled, reordered, lost": Nemesis(
        _storm, rises(lambda stage: stage.seen["doorbells"])
    ),
    "PostgreSQL killed": _server_killed(_postgres),
    "PostgreSQL frozen": _server_frozen(_postgres),
    "PostgreSQL slow": _slow(_database, DATABASE_DELAY_S),
    "PostgreSQL partitioned away": _partitioned(_database),
    "replies of PostgreSQL lost": _replies_lost(_database),
    "connections to PostgreSQL reset": _reset(_database),
    "connections to PostgreSQL cut in a reply": _network(
        _database, lambda proxy: proxy.cut(CUT_AFTER_BYTES), lambda harm: harm.cut
    ),
    "all clocks ahead by more than a lease": _leap(LEAP_S),
    "all clocks back by seconds": _leap(LEAP_BACK_S),
}
