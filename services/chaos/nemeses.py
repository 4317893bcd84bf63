"""What can be done to processes, by name: how it begins, and how it is mended."""

from collections.abc import Callable, Mapping

from services.chaos.desk import P, ProvenDesk
from services.chaos.service_process import ServiceProcess
from services.chaos.traffic import Strike
from shared.waiting import rest

#: How long what passes by itself lasts; longer than the client and the watch are patient.
LASTS_S = 2.0


def lasting(begin: Callable[[], object], end: Callable[[], object]) -> Strike:
    """Return a fault that passes by itself."""

    def started() -> None:
        begin()

    def mend() -> None:
        rest(LASTS_S)
        end()

    return Strike(started, mend)


def kill(desk: ProvenDesk[P], name: str) -> Strike:
    """Return SIGKILL to a process and all that it has started; it is started again."""
    return Strike(desk.processes[name].kill, lambda: desk.restart(name))


def freeze(desk: ProvenDesk[P], name: str) -> Strike:
    """Return SIGSTOP to a process and all that it has started, and SIGCONT after LASTS_S."""
    process = desk.processes[name]
    return lasting(process.freeze, process.thaw)


#: What is done to a process; its name comes before this in the table.
NEMESES: Mapping[str, Callable[[ProvenDesk[ServiceProcess], str], Strike]] = {
    "killed (SIGKILL)": kill,
    "frozen (SIGSTOP)": freeze,
}
