"""What patchbay router and patchbay notifier share."""

import sys
from collections.abc import Callable
from typing import Any

import click

from services.cli.processes import supervise
from shared import process
from shared.messaging.worker_host import Service
from shared.observability import tracing
from shared.observability.logging import configure_logging
from shared.runtime import Runtime
from shared.settings import Settings, load_settings


def require_shared_broker(settings: Settings) -> None:
    """Refuse a broker inside the process where other processes are to be woken."""
    if settings.broker_url.startswith("memory:"):
        message = (
            "PATCHBAY_BROKER_URL is memory://, which wakes nobody outside its process. "
            "Set it to amqp://…, or run everything in one process: patchbay serve"
        )
        raise click.ClickException(message)


def worker_options(health_port: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a worker's command its options."""
    options: list[Callable[[Any], Any]] = [
        click.option("--processes", type=click.IntRange(1), default=1, show_default=True),
        click.option(
            "--threads",
            type=click.IntRange(1),
            help="Doorbells handled at once in each process. [PATCHBAY_WORKER_THREADS]",
        ),
        click.option("--health-host", default="127.0.0.1", show_default=True),
        click.option(
            "--health-port",
            type=click.IntRange(0, 65535),
            default=health_port,
            show_default=True,
            help="Port of /healthz, /readyz and /metrics; 0 takes a free one.",
        ),
        click.option("--parent", type=int, hidden=True),
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def run_worker(
    name: str,
    build: Callable[[Runtime], Service],
    *,
    processes: int,
    threads: int | None,
    health_host: str,
    health_port: int,
    parent: int | None,
) -> None:
    """Run one process of a service here, or several under a supervisor."""
    settings = load_settings()
    require_shared_broker(settings)
    configure_logging(settings.log_format, settings.log_level, name)
    tracing.require(settings.tracing)
    threads = threads or settings.worker_threads
    if processes > 1:
        supervise(name, processes, threads, (health_host, health_port), settings.shutdown_timeout_s)
        return
    runtime = Runtime(settings)
    health = None if parent is not None else (health_host, health_port)
    sys.exit(0 if process.run(runtime, [build(runtime)], threads, health, parent) else 1)
