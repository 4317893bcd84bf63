"""An HTTP server that does not end when it is told to, with an application that answers all.

What makes granian wait without end, a client that breaks off in the middle of a body at the wrong
moment, comes about too rarely to be tested. Here its processes do not hear their signals, which is
the same to `services.intake.http_process`.
"""

import signal
from collections.abc import Callable, Iterable
from multiprocessing.util import Finalize
from types import SimpleNamespace
from typing import Any

from granian import _signals

from services.intake.server import serve
from shared.observability.logging import configure_logging
from shared.settings import load_settings


class Application:
    """Answers 200; has what `begin_stop` ends."""

    def __init__(self) -> None:
        streams = SimpleNamespace(close=lambda: None)
        self.extensions = {"patchbay": SimpleNamespace(streams=streams)}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"here"]


def build() -> Application:
    """Return one, whose process notes that it has come to its end."""
    Finalize(None, (load_settings().data_dir / "ended").touch, exitpriority=1)
    stock = _signals.set_sync_signals

    def deaf() -> Any:
        event = stock()
        signal.signal(signal.SIGTERM, lambda *_: None)
        return event

    _signals.set_sync_signals = deaf
    return Application()


if __name__ == "__main__":
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, "endless")
    serve("tests.endless:build", settings, 1, 2, shared=False)
