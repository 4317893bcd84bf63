"""What happened in a run, as plain values: all that a verdict needs, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.chaos.checker import Violation, Witness
from services.chaos.facts import Facts, Told
from shared.domain.event import EventType


@dataclass(frozen=True, slots=True)
class Struck:
    """One strike. Times are seconds since the traffic began.

    `recovered_s` is how long after the strike a ticket that was posted after it was mended had
    reached the receiver; None if that was not seen.
    """

    nemesis: str
    at_s: float
    recovered_s: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket that was accepted, and when."""

    id: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Arrived:
    """A webhook: whose it was, by the id of the subscription, the event it told, and when."""

    receiver: str
    id: str
    at_s: float

    @property
    def told(self) -> Told:
        """Who was told of what."""
        return self.receiver, self.id


@dataclass(frozen=True, slots=True)
class Record:
    """A whole run.

    `about` says what was run. `accepted` are tickets answered with 201, `resolved` those whose
    resolution was answered with 200. `subscribed` are the types that each subscriber asked for,
    `arrived` the webhooks in the order of their arrival, `mailed` the deliveries whose mail is in
    the sink. `refused` are webhooks whose signature was wrong,
    `crashes` errors in the logs that nobody expected, by event. `rest_s` is how long after the last
    answer nothing was left to do. `broken` is what ended the run before its time, if anything did.
    """

    about: Mapping[str, Any]
    struck: Sequence[Struck]
    accepted: Sequence[Seen]
    resolved: Sequence[str]
    subscribed: Mapping[str, frozenset[EventType]]
    arrived: Sequence[Arrived]
    mailed: Sequence[str]
    refused: Sequence[str]
    crashes: Mapping[str, int]
    rest_s: float
    facts: Facts
    broken: Sequence[Violation] = ()

    @property
    def witness(self) -> Witness:
        """What was seen from outside, as the checker wants it."""
        return Witness(
            frozenset(each.id for each in self.accepted),
            frozenset(self.resolved),
            self.subscribed,
            [each.told for each in self.arrived],
            frozenset(self.mailed),
        )
