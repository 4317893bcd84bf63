"""The work lists: their names, the states of a row, and how failure is paced."""

from datetime import timedelta
from enum import StrEnum


class ListName(StrEnum):
    """The lists of ready rows; each has a doorbell (a queue and an actor) of the same name."""

    ROUTING = "routing"
    MATCHING = "matching"
    WAKING = "waking"
    LIFE = "life"
    QUESTIONS = "questions"
    SLA = "sla"
    EVENTS = "events"
    WEBHOOK = "webhook"
    EMAIL = "email"
    SCANNING = "scanning"
    BULK = "bulk"


class WorkState(StrEnum):
    """Where a row stands in its list.

    ready: to be handled once `available_at` has come. waiting: parked until something happens.
    idle: nothing to do. done: handled. unknown: an e-mail whose fate nobody can tell.
    bounced: an e-mail that came back. cancelled: no longer wanted. dead: gave up; visible, and can
    be re-driven.
    """

    READY = "ready"
    WAITING = "waiting"
    IDLE = "idle"
    DONE = "done"
    UNKNOWN = "unknown"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"
    DEAD = "dead"


#: How long a row that failed in its handler rests before the next try; after the last it is dead.
HANDLER_BACKOFF: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600)
)


def backoff(attempts: int) -> timedelta | None:
    """Return the rest after the given number of failed attempts (1 or more); None means dead."""
    return HANDLER_BACKOFF[attempts - 1] if attempts <= len(HANDLER_BACKOFF) else None
