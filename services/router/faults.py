"""What happens when a plugin fails: it is said, counted, and the work is done again without it."""

from collections.abc import Callable
from typing import TypeVar

from services.router.configuration import Configuration
from services.router.guard import PluginFault
from services.router.matching import Fault
from shared.observability import metrics
from shared.observability.logging import get_logger

R = TypeVar("R")

log = get_logger()


def note(broken: PluginFault) -> Fault:
    """Tell the log and the metrics of a plugin that failed; return the fault."""
    fault = broken.fault
    log.warning("plugin.failed", kind=fault.kind, plugin=fault.plugin, why=fault.error)
    metrics.plugin_faults.labels(fault.kind, fault.plugin).inc()
    return fault


def without_failing(
    configuration: Configuration, attempt: Callable[[Configuration], R]
) -> tuple[R, Configuration]:
    """Return what an attempt returns, and the configuration without the plugins that failed in it.

    It is repeated without each that fails, so it must not add to what an attempt before it did.
    """
    while True:
        try:
            return attempt(configuration), configuration
        except PluginFault as broken:
            configuration = configuration.without(note(broken))
