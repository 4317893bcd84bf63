"""Everybody who is told of something: one of everything, another of what it asked for.

Two, because each is told by rows of its own: what is done for one may be missing for the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from http import HTTPStatus
from typing import Generic, Self, TypeVar

from services.chaos.client import Client
from services.chaos.errors import ChaosError
from services.chaos.facts import Told
from services.chaos.receiver import Receiver
from shared.domain.event import EventType

#: What the second asks for.
SOME_EVENTS = (EventType.TICKET_ASSIGNED, EventType.TICKET_RESOLVED)

R = TypeVar("R", bound=Receiver)


class Receivers(Generic[R]):
    """Receivers of a desk, which all serve until its context ends."""

    def __init__(self, *receivers: R) -> None:
        self._receivers = receivers
        self._serving = ExitStack()

    def __iter__(self) -> Iterator[R]:
        return iter(self._receivers)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for each in self:
                stack.enter_context(each)
            self._serving = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.close()

    def subscribe(self, client: Client) -> None:
        """Have each told of what it asks for, and close the client; raises ChaosError."""
        with closing(client):
            for each in self:
                wanted = {"url": each.url, "event_types": sorted(each.event_types)}
                answer = client.post("/v1/webhooks", wanted)
                if answer.status != HTTPStatus.CREATED:
                    why = f"({answer.status}): {answer.document}"
                    raise ChaosError(f"The receiver was not subscribed {why}")
                each.expect(answer.document["id"], answer.document["secret"])

    @property
    def first(self) -> R:
        """Who is told of everything."""
        return self._receivers[0]

    @property
    def subscribed(self) -> Mapping[str, frozenset[EventType]]:
        """What each asked for, by the id of its subscription; nothing is everything."""
        return {each.subscription: each.event_types for each in self}

    @property
    def arrived(self) -> Sequence[Told]:
        """Which was told of what, in the order in which each was."""
        return [
            (each.subscription, arrival.event_id) for each in self for arrival in [*each.arrivals]
        ]

    @property
    def refused(self) -> Sequence[str]:
        """What came with a signature that is wrong."""
        return [what for each in self for what in [*each.refused]]

    @property
    def duplicates(self) -> int:
        """How many webhooks told nothing new."""
        return sum(each.duplicates for each in self)
