"""Ports that are chosen together are not the same one."""

import random
from collections.abc import Iterator
from itertools import chain, count, repeat
from pathlib import Path

import pytest

from deploy.local import RabbitMQ
from services.chaos import ports


class Unlucky(random.Random):
    """Draws the same number again and again, and then the next ones."""

    def __init__(self) -> None:
        super().__init__()
        lowest = ports.LOWEST_PORT
        self._drawn: Iterator[int] = chain(repeat(lowest, 5), count(lowest + 1))

    def randrange(self, *_: object, **__: object) -> int:  # type: ignore[override]
        return next(self._drawn)


def test_the_ports_of_a_server_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_CHANCE", Unlucky())
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    chosen = RabbitMQ(tmp_path)._choose_ports()
    assert len(chosen) == len(set(chosen.values())) == len(RabbitMQ.port_roles)
