"""A baseline of the pipeline: three empty Celery tasks, chained over RabbitMQ.

`python -m tests.bench.baseline_celery BROKER_URL FILE --processes 2` runs a worker with that many
forked processes; each message that passed all three tasks adds a byte to FILE. `--send N` sends N
messages instead, and prints the Unix time at which it began. Acknowledged late and confirmed, which
is what Dramatiq and Patchbay do; results are off; the rest is as Celery comes.
"""

import os
import sys
import threading
import time

import click
from celery import Celery, Task


def build(broker_url: str, descriptor: int) -> tuple[Celery, Task]:
    """Return the application and the first of its tasks."""
    app = Celery("baseline", broker=broker_url)
    app.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        broker_transport_options={"confirm_publish": True},
        broker_connection_retry_on_startup=True,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
    )

    @app.task(name="third", queue="third")
    def third(number: int) -> None:
        os.write(descriptor, b".")

    @app.task(name="second", queue="second")
    def second(number: int) -> None:
        third.apply_async((number,), queue="third")

    @app.task(name="first", queue="first")
    def first(number: int) -> None:
        second.apply_async((number,), queue="second")

    return app, first


@click.command()
@click.argument("broker_url")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--processes", default=2)
@click.option("--send", default=0)
@click.option("--senders", default=4)
def main(broker_url: str, file: str, processes: int, send: int, senders: int) -> None:
    """Run a worker of the chain, or feed it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    app, first = build(broker_url, descriptor)
    if not send:
        app.worker_main(
            [
                *("worker", "--pool", "prefork", "--concurrency", str(processes)),
                *("--queues", "first,second,third", "--loglevel", "ERROR"),
                *("--without-gossip", "--without-mingle"),
            ]
        )
        return

    def feed() -> None:
        for number in range(send // senders):
            first.apply_async((number,), queue="first")

    threads = [threading.Thread(target=feed) for _ in range(senders)]
    sys.stdout.write(f"{time.time()}\n")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
