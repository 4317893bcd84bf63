"""What can go wrong around a desk, by name: how it begins, and how it is mended.

Each is one strike of `tests.faults.load.Run`: it begins in the thread that has just read a 201, so
that what dies, dies right after an answer, and it is mended beside the run.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import Servers
from services.chaos.nemeses import LASTS_S, freeze, kill, lasting
from tests.faults.desk import Desk
from tests.faults.doorbell_storm import DoorbellStorm
from tests.faults.load import Strike
from tests.faults.proxy import Proxy

#: Of a broker on another continent, and of a database in another town, each way.
BROKER_DELAY_S, DATABASE_DELAY_S = 0.1, 0.01
RESETS = 5
CUT_AFTER_BYTES = 2_000
LEAP_S, LEAP_BACK_S = 40, -3
#: Receivers refuse a signature that is five minutes old or ahead, and their clocks are right.
MOST_WRONG_S = 280

_pause = threading.Event()


@dataclass(frozen=True, slots=True)
class Stage:
    """A desk whose processes reach their servers through proxies.

    `clock` is a file with the seconds by which the clocks of the processes are wrong.
    """

    desk: Desk
    servers: Servers
    broker: Proxy
    database: Proxy
    clock: Path
    seed: int


Nemesis = Callable[[Stage], Strike]


def _kill(name: str) -> Nemesis:
    return lambda stage: kill(stage.desk, name)


def _freeze(name: str) -> Nemesis:
    return lambda stage: freeze(stage.desk, name)


def _deploy(stage: Stage) -> Strike:
    """Replace every process, as a deploy does: workers overlap, intake is away for a moment."""

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


def _storm(stage: Stage) -> Strike:
    storm = DoorbellStorm(stage.servers.rabbitmq.url, stage.seed)
    return lasting(storm.__enter__, storm.__exit__)


def _resets(proxy: Proxy) -> Strike:
    def mend() -> None:
        for _ in range(RESETS):
            _pause.wait(LASTS_S / RESETS)
            proxy.reset()

    return Strike(proxy.reset, mend)


def _leap(seconds: float) -> Nemesis:
    def strike(stage: Stage) -> Strike:
        def leap() -> None:
            wrong_by = float(stage.clock.read_text())
            stage.clock.write_text(str(min(wrong_by + seconds, MOST_WRONG_S)))

        return Strike(leap, lambda: None)

    return strike


NEMESES: Mapping[str, Nemesis] = {
    "intake killed (SIGKILL)": _kill("intake"),
    "router killed (SIGKILL)": _kill("router"),
    "notifier killed (SIGKILL)": _kill("notifier"),
    "intake frozen (SIGSTOP)": _freeze("intake"),
    "router frozen (SIGSTOP)": _freeze("router"),
    "notifier frozen (SIGSTOP)": _freeze("notifier"),
    "deploy of a new version": _deploy,
    "RabbitMQ killed": lambda s: Strike(s.servers.rabbitmq.kill, s.servers.rabbitmq.start),
    "RabbitMQ wiped": lambda s: Strike(s.servers.rabbitmq.kill, s.servers.rabbitmq.wipe),
    "RabbitMQ frozen": lambda s: lasting(s.servers.rabbitmq.freeze, s.servers.rabbitmq.thaw),
    "RabbitMQ slow": lambda s: lasting(lambda: s.broker.slow(BROKER_DELAY_S), s.broker.heal),
    "RabbitMQ partitioned away": lambda s: lasting(s.broker.hold, s.broker.heal),
    "confirms of RabbitMQ lost": lambda s: lasting(
        lambda: s.broker.hold(up=False), lambda: (s.broker.reset(), s.broker.heal())
    ),
    "connections to RabbitMQ reset": lambda s: _resets(s.broker),
    "doorbells doubled, reordered, lost": _storm,
    "PostgreSQL killed": lambda s: Strike(s.servers.postgres.kill, s.servers.postgres.start),
    "PostgreSQL frozen": lambda s: lasting(s.servers.postgres.freeze, s.servers.postgres.thaw),
    "PostgreSQL slow": lambda s: lasting(
        lambda: s.database.slow(DATABASE_DELAY_S), s.database.heal
    ),
    "PostgreSQL partitioned away": lambda s: lasting(s.database.hold, s.database.heal),
    "replies of PostgreSQL lost": lambda s: lasting(
        lambda: s.database.hold(up=False), lambda: (s.database.reset(), s.database.heal())
    ),
    "connections to PostgreSQL reset": lambda s: _resets(s.database),
    "connections to PostgreSQL cut in a reply": lambda s: lasting(
        lambda: s.database.cut(CUT_AFTER_BYTES), s.database.heal
    ),
    "all clocks ahead by more than a lease": _leap(LEAP_S),
    "all clocks back by seconds": _leap(LEAP_BACK_S),
}
