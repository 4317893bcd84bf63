"""Request Tracker: why it is not measured."""

from tests.bench.desk import Figures

REASON = (
    "Request Tracker was not measured: Debian has it as `request-tracker5`, which brings 264 "
    "packages and a web server onto the machine; this program installs into nothing but its own "
    "folder."
)


def measure() -> Figures:
    """Say why not."""
    return {"request_tracker_reason": REASON}
