"""What the HTTP server loads in each of intake's processes."""

from multiprocessing.util import Finalize

from flask import Flask

from services.intake import bootstrap
from shared.observability import tracing
from shared.observability.logging import configure_logging
from shared.runtime import Runtime
from shared.settings import drain_s, load_settings

#: Beside the threads that answer: for the lists that intake consumes.
WORKER_THREADS = 3


def build() -> Flask:
    """Return the application of this process."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, "intake")
    tracing.start(settings.tracing, "intake")
    runtime = Runtime(settings)
    app = bootstrap.build(runtime)
    host = runtime.host([bootstrap.build_worker(runtime)], WORKER_THREADS)
    host.start()

    def close() -> None:
        bootstrap.close(app)
        host.stop(settings.shutdown_timeout_s - drain_s(settings))
        runtime.close()
        tracing.stop()

    # The server ends its processes through multiprocessing, which runs finalizers and not atexit.
    Finalize(None, close, exitpriority=100)
    return app
