"""patchbay intake: prepares what must be there before anything else is imported."""

import importlib
import os
import tempfile

import click


@click.command()
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Requests at once in each process. [PATCHBAY_HTTP_THREADS]",
)
@click.option(
    "--share-port",
    is_flag=True,
    help="Listen beside others with this option, all of one database (Linux).",
)
def intake(*, processes: int, threads: int | None, share_port: bool) -> None:
    """Run the HTTP API. /healthz, /readyz and /metrics are on the same port."""
    if processes == 1:
        _run(processes, threads, share_port=share_port)
        return
    with tempfile.TemporaryDirectory(prefix="patchbay-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        _run(processes, threads, share_port=share_port)


def _run(processes: int, threads: int | None, *, share_port: bool) -> None:
    # Not imported before: prometheus-client decides when it is imported where metrics are kept, and
    # the processes to come are forks of this one.
    serve = importlib.import_module("services.cli.serve").serve_intake
    serve(processes, threads, share_port=share_port)
