"""What a user may not do at RabbitMQ that Patchbay needs, found out without changing anything.

RabbitMQ looks at rights before anything else (https://www.rabbitmq.com/docs/access-control), so
each request here is one that comes to nothing. They name the queues themselves: the rights of the
user may be as narrow as those in `deploy/rabbitmq`.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pika.exceptions import ChannelClosedByBroker

#: The exchange that doorbells go through, as rights call it.
DEFAULT_EXCHANGE = "amq.default"
#: A queue that nobody has: what is published there goes nowhere.
NOWHERE = "patchbay.doctor"

_ACCESS_REFUSED = 403


class Right(StrEnum):
    """A kind of right, as `rabbitmqctl set_permissions` takes them, in this order."""

    CONFIGURE = "configure"
    WRITE = "write"
    READ = "read"


def missing_rights(connection: Any, queues: Sequence[str]) -> Mapping[Right, Sequence[str]]:
    """Return what the user of a connection lacks which right to; empty if it lacks none.

    Not for a server with an alarm, which confirms nothing. Raises pika's errors.
    """
    names: dict[Right, Sequence[str]] = {
        Right.CONFIGURE: queues,
        Right.WRITE: [DEFAULT_EXCHANGE],
        Right.READ: queues,
    }
    missing = {
        right: [name for name in names[right] if _is_refused(connection, request, name)]
        for right, request in _REQUESTS.items()
    }
    return {right: refused for right, refused in missing.items() if refused}


def _is_refused(connection: Any, request: Callable[[Any, str], None], name: str) -> bool:
    """Tell whether a right is missing for a request; what else becomes of it is no matter."""
    channel = connection.channel()
    try:
        request(channel, name)
    except ChannelClosedByBroker as error:
        return bool(error.reply_code == _ACCESS_REFUSED)
    channel.close()
    return False


def _configure(channel: Any, queue: str) -> None:
    """Declare a queue in a way that no server takes: it may not expire at once.

    See https://www.rabbitmq.com/docs/ttl#queue-ttl.
    """
    channel.queue_declare(queue, durable=True, arguments={"x-expires": 0})


def _write(channel: Any, _: str) -> None:
    # With a confirm: it comes after the server looked at the right.
    channel.confirm_delivery()
    channel.basic_publish("", NOWHERE, b"")


def _read(channel: Any, queue: str) -> None:
    # Not acknowledged: a doorbell that comes goes back when the channel is closed.
    channel.basic_get(queue, auto_ack=False)


_REQUESTS = {Right.CONFIGURE: _configure, Right.WRITE: _write, Right.READ: _read}
