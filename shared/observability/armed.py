"""Arms the failpoints of a process by its settings, and says so where an alert can see it."""

from shared import failpoints
from shared.observability.logging import get_logger
from shared.settings import Settings

log = get_logger()


def arm_failpoints(settings: Settings) -> None:
    """Arm what `PATCHBAY_FAILPOINTS` names; in production that is nothing."""
    if settings.failpoints:
        armed = failpoints.arm(settings.failpoints, settings.failpoints_log)
        log.warning("failpoints.armed", failpoints=armed, warning="for tests only")
