"""The baseline of the pipeline: three empty Dramatiq actors, chained over RabbitMQ.

`python -m tests.bench.baseline_chain BROKER_URL FILE` runs one worker process; each message that
passed all three actors adds a byte to FILE. `--send N` sends N messages instead, and prints the
Unix time at which it began.
"""

import os
import signal
import sys
import threading
import time

import click
import dramatiq
from dramatiq import Worker
from dramatiq.brokers.rabbitmq import RabbitmqBroker

THREADS = 8


def declare(broker: RabbitmqBroker, descriptor: int) -> dramatiq.Actor[..., None]:
    """Declare the three actors; return the first."""

    @dramatiq.actor(broker=broker, queue_name="third")
    def third(number: int) -> None:
        os.write(descriptor, b".")

    @dramatiq.actor(broker=broker, queue_name="second")
    def second(number: int) -> None:
        third.send(number)

    @dramatiq.actor(broker=broker, queue_name="first")
    def first(number: int) -> None:
        second.send(number)

    return first


@click.command()
@click.argument("broker_url")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--send", default=0)
@click.option("--senders", default=4)
@click.option("--confirms/--no-confirms", default=True, help="Whether the broker confirms.")
def main(broker_url: str, file: str, send: int, senders: int, *, confirms: bool) -> None:
    """Run a worker of the chain, or feed it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    broker = RabbitmqBroker(url=broker_url, confirm_delivery=confirms)
    first = declare(broker, descriptor)
    if send:

        def feed() -> None:
            for number in range(send // senders):
                first.send(number)

        threads = [threading.Thread(target=feed) for _ in range(senders)]
        sys.stdout.write(f"{time.time()}\n")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return
    worker = Worker(broker, worker_threads=THREADS)
    worker.start()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    stopping.wait()
    worker.stop(timeout=2000)


if __name__ == "__main__":
    main()
