"""What a careless broker does to doorbells: copies, wrong order, strangers' words, lost ones."""

import random
import threading
from typing import Self

import pika
from dramatiq import Message

from shared.domain.work import ListName
from shared.messaging.amqp import connection_parameters
from shared.schemas.doorbell import ACTORS, Doorbell, dump_doorbell

INTERVAL_S = 0.002
QUEUES = (ListName.ROUTING, ListName.MATCHING, ListName.EVENTS, ListName.WEBHOOK)


class DoorbellStorm:
    """While it lasts, doorbells come that nobody rang, twice each, and some that were rung do not.

    A doorbell says nothing but “look”, so a copy and a late one are the same as one nobody rang.
    """

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        #: How many doorbells came that nobody rang.
        self.sent = 0
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storm", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        connection = pika.BlockingConnection(connection_parameters(self._url))
        channel = connection.channel()
        while not self._over.wait(INTERVAL_S):
            name = self._random.choice(QUEUES)
            match self._random.randrange(4):
                case 0:
                    channel.queue_purge(name.value)
                case 1:
                    channel.basic_publish("", name.value, _message(name, {"nonsense": [1]}))
                    self.sent += 1
                case _:
                    body = _message(name, dump_doorbell(Doorbell(name, 1, 0)))
                    for _ in range(2):
                        channel.basic_publish("", name.value, body)
                        self.sent += 1
        connection.close()


def _message(name: ListName, payload: dict[str, object]) -> bytes:
    message: Message[None] = Message(
        queue_name=name.value, actor_name=ACTORS[name], args=(), kwargs=payload, options={}
    )
    return message.encode()
