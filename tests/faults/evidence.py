"""What proves that a strike did harm: a test that nothing disturbed proves nothing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.local import Servers
from shared.waiting import wait_until
from tests.faults.desk import Desk
from tests.faults.load import Strike
from tests.faults.proxy import Proxy

FREEZES_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A desk whose processes reach their servers through proxies.

    `clock` is a file with the seconds by which the clocks of the processes are wrong. `seen` counts
    what strikes saw of their own work.
    """

    desk: Desk
    servers: Servers
    broker: Proxy
    database: Proxy
    clock: Path
    seed: int
    seen: Counter[str] = field(default_factory=Counter)


#: Called before a strike; what it returns tells afterwards whether the strike did any harm.
Evidence = Callable[[Stage], Callable[[], bool]]


def rises(*counts: Callable[[Stage], int]) -> Evidence:
    """Prove it by counts that all rise."""

    def before(stage: Stage) -> Callable[[], bool]:
        was = [count(stage) for count in counts]
        return lambda: all(count(stage) > then for count, then in zip(counts, was, strict=True))

    return before


def changes(*values: Callable[[Stage], object]) -> Evidence:
    """Prove it by values that are all others than before."""

    def before(stage: Stage) -> Callable[[], bool]:
        was = [value(stage) for value in values]
        return lambda: all(value(stage) != then for value, then in zip(values, was, strict=True))

    return before


STOOD_STILL = rises(lambda stage: stage.seen["stood still"])


def standing(stage: Stage, pid: int, strike: Strike) -> Strike:
    """Return a freeze that counts itself if the kernel says that the process is stopped."""

    def begin() -> None:
        strike.begin()
        stage.seen["stood still"] += wait_until(lambda: _is_stopped(pid), FREEZES_WITHIN_S)

    return replace(strike, begin=begin)


def _is_stopped(pid: int) -> bool:
    # The state follows the name, which is in parentheses and may hold some (proc(5)).
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
