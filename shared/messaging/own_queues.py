"""Queues with a prefix of their own, on a broker that others use: tried, and deleted."""

from contextlib import closing
from typing import Any

import pika
from pika.exceptions import AMQPError

from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.messaging.amqp import connection_parameters


def try_queues(url: str, prefix: str) -> None:
    """Make a queue with this prefix and delete it; raises Unavailable with what the broker said."""
    try:
        connection: Any = pika.BlockingConnection(connection_parameters(url))
        with closing(connection):
            channel = connection.channel()
            channel.queue_declare(queue=f"{prefix}tried", exclusive=True)
            channel.queue_delete(f"{prefix}tried")
    except (AMQPError, OSError) as error:
        raise Unavailable(f"The broker lets no queue be made: {error!r}.") from error


def delete_queues(url: str, prefix: str) -> None:
    """Delete the queues of all lists that have this prefix; raises Unavailable."""
    if not prefix:
        raise ValueError("Without a prefix the queues are those of somebody else.")
    try:
        connection: Any = pika.BlockingConnection(connection_parameters(url))
        with closing(connection):
            channel = connection.channel()
            for name in ListName:
                # One that is not there is no fault (AMQP 0-9-1 as RabbitMQ extends it).
                channel.queue_delete(prefix + name.value)
    except (AMQPError, OSError) as error:
        raise Unavailable(f"Queues named {prefix}… could not be deleted: {error!r}.") from error
