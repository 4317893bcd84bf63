"""Tickets at random times: Poisson streams, one for each class of tickets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge

from services.router.model import Need, Subject
from services.router.simulation.desk import Job
from services.router.simulation.laws import stream
from shared.domain.ticket import Channel, Priority


@dataclass(frozen=True, slots=True)
class TicketClass:
    """Tickets that are alike; `rate` is tickets a second.

    `target_s` is what the SLA allows, `due_s` the deadline that orders go by, both from arrival.
    """

    name: str
    rate: float
    need: Need
    priority: Priority
    target_s: float
    due_s: float
    channel: Channel = Channel.API


@dataclass(frozen=True, slots=True)
class PoissonSource:
    """Independent Poisson arrivals of some classes, from `start` for `horizon_s` seconds."""

    start: datetime
    horizon_s: float
    classes: tuple[TicketClass, ...]

    def jobs(self, seed: int) -> Sequence[Job]:
        """Return the tickets of a run; the stream of a class does not depend on other classes."""
        times = merge(*(self._times(seed, ticket_class) for ticket_class in self.classes))
        by_name = {ticket_class.name: ticket_class for ticket_class in self.classes}
        return [self._job(number, at, by_name[name]) for number, (at, name) in enumerate(times)]

    def _times(self, seed: int, ticket_class: TicketClass) -> Iterator[tuple[float, str]]:
        chance = stream(seed, f"arrivals/{ticket_class.name}")
        at = chance.expovariate(ticket_class.rate)
        while at < self.horizon_s:
            yield at, ticket_class.name
            at += chance.expovariate(ticket_class.rate)

    def _job(self, number: int, at: float, ticket_class: TicketClass) -> Job:
        created_at = self.start + timedelta(seconds=at)
        subject = Subject(
            id=f"tkt_{number:08}",
            need=ticket_class.need,
            priority=ticket_class.priority,
            created_at=created_at,
            due_at=created_at + timedelta(seconds=ticket_class.due_s),
            category=ticket_class.name,
            channel=ticket_class.channel,
        )
        return Job(number, at, ticket_class.name, subject, ticket_class.target_s)
