"""A run of tickets: threads that post as fast as they can and resolve some of what was accepted.

A run remembers every answer, and can strike: call something in the very thread that has just read
the n-th 201.
"""

import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from tests.faults.client import Answer, Client
from tests.faults.desk import SKILL, Desk

THREADS = 8

#: How many of a run's tickets are resolved while it goes on.
RESOLVED_SHARE = 0.6


@dataclass(slots=True)
class Strike:
    """What is done when the n-th ticket has been accepted."""

    at: int
    action: Callable[[], None]


@dataclass(slots=True)
class Run:
    """The tickets of one test, perhaps posted in several rounds."""

    desk: Desk
    seed: int
    accepted: dict[str, Answer] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)
    tries: int = 0
    slowest_s: float = 0.0
    _posted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, tickets: int, strike: Strike | None = None) -> None:
        """Post this many tickets and return when each of them was answered."""
        started = self._posted
        numbers = iter(range(started, started + tickets))
        strike_at = None if strike is None else len(self.accepted) + strike.at

        def work() -> None:
            client = self.desk.client()
            try:
                while (number := self._next(numbers)) is not None:
                    rng = random.Random(f"{self.seed}/{number}")
                    accepted = self._create(client, number, rng)
                    if strike is not None and accepted == strike_at:
                        strike.action()
                    if rng.random() < RESOLVED_SHARE:
                        self._resolve(client, rng)
            finally:
                client.close()

        with ThreadPoolExecutor(THREADS) as pool:
            for done in [pool.submit(work) for _ in range(THREADS)]:
                done.result()
        self._posted += tickets

    def _next(self, numbers: "iter[int]") -> int | None:  # type: ignore[valid-type]
        with self._lock:
            return next(numbers, None)

    def _create(self, client: Client, number: int, rng: random.Random) -> int:
        """Post one ticket; return how many have been accepted by then."""
        began = monotonic()
        answer = client.post("/v1/tickets", ticket_body(number, rng), f"{self.seed}-{number}")
        assert answer.status == 201, answer.document
        with self._lock:
            self.accepted[answer.document["id"]] = answer
            self.tries += answer.tries
            self.slowest_s = max(self.slowest_s, answer.at - began)
            return len(self.accepted)

    def _resolve(self, client: Client, rng: random.Random) -> None:
        """Resolve a ticket that nobody has resolved; a step that was made already is fine."""
        with self._lock:
            open_tickets = list(self.accepted.keys() - self.resolved)
            if not open_tickets:
                return
            ticket_id = rng.choice(open_tickets)
            self.resolved.add(ticket_id)
        path = f"/v1/tickets/{ticket_id}/transitions"
        answer = client.post(path, {"transition": "resolve"})
        again = answer.status == 409 and answer.tries > 1
        assert answer.status == 200 or again, answer.document


def ticket_body(number: int, rng: random.Random) -> Mapping[str, Any]:
    """Return a ticket's body; half of the tickets need the skill."""
    body: dict[str, Any] = {
        "subject": f"Ticket {number}",
        "requester": {"name": "Mira", "email": "mira@example.com"},
        "priority": rng.choice(["critical", "high", "medium", "low"]),
    }
    if rng.random() < 0.5:
        body["required_skills"] = [{"skill": SKILL, "level": rng.randint(1, 5)}]
    return body
