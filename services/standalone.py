"""All in one process: HTTP, router, notifier, watch and timers. What `patchbay serve` loads."""

from multiprocessing.util import Finalize

from flask import Flask

import services.intake.bootstrap as intake
import services.notifier.bootstrap as notifier
import services.router.bootstrap as router
from shared.db.resealing import require_keys
from shared.db.schema import require_current
from shared.observability import tracing
from shared.observability.logging import configure_logging
from shared.runtime import Runtime
from shared.settings import drain_s, load_settings


def build() -> Flask:
    """Start the workers in this process and return the application beside them."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, "patchbay")
    tracing.start(settings.tracing, "patchbay")
    runtime = Runtime(settings)
    require_current(runtime.database)
    require_keys(runtime.database)
    services = [router.build(runtime), notifier.build(runtime), intake.build_worker(runtime)]
    host = runtime.host(services, settings.worker_threads)
    app = intake.build(runtime)
    host.start()

    def close() -> None:
        intake.close(app)
        host.stop(settings.shutdown_timeout_s - drain_s(settings))
        runtime.close()
        tracing.stop()

    # The server ends its processes through multiprocessing, which runs finalizers and not atexit.
    Finalize(None, close, exitpriority=100)
    return app
