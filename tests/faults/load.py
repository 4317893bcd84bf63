"""The tickets of a fault test, and how its doorbells are heard."""

import random
import threading
from collections.abc import Mapping
from contextlib import closing
from time import monotonic
from typing import Any

from services.chaos.checker import Witness
from services.chaos.client import Answer
from services.chaos.traffic import Strike, Traffic
from shared.waiting import wait_until
from tests.faults.desk import SKILL, Desk

__all__ = ["Run", "Strike", "ticket_body"]

DOORBELL_DEADLINE_S, PROBE_INTERVAL_S = 60.0, 0.1

_pause = threading.Event()


class Run(Traffic):
    """The tickets of one test, perhaps posted in several rounds."""

    desk: Desk

    def __init__(self, desk: Desk, seed: int) -> None:
        super().__init__(desk, seed, ticket_body)
        #: The longest that the desk took to come to rest after a strike was mended, if it was seen.
        self.longest_rest_s = 0.0
        #: What the file of a ticket holds, of those that have one.
        self.attached: dict[str, bytes] = {}

    @property
    def witness(self) -> Witness:
        """What was seen from outside until now."""
        accepted, resolved = frozenset(self.accepted), frozenset(self.resolved)
        subscribers = self.desk.subscribers
        return Witness(accepted, resolved, subscribers.subscribed, subscribers.arrived)

    def post_paced(self, tickets: int, interval_s: float) -> list[Answer]:
        """Post one ticket after the other, at an even pace, and resolve none."""
        client, answers, began = self.desk.client(), [], monotonic()
        for index in range(tickets):
            _pause.wait(began + (index + 1) * interval_s - monotonic())
            rng = random.Random(f"{self.seed}-{self.posted}")
            answers.append(self.create(client, self.posted, rng))
            self.posted += 1
        client.close()
        return answers

    def resolve(self, tickets: int) -> None:
        """Resolve some of the tickets, one after the other."""
        rng = random.Random(f"{self.seed}-resolve")
        with closing(self.desk.client()) as client:
            for _ in range(tickets):
                self._resolve(client, rng)

    def post_until_doorbells(self) -> float:
        """Post tickets until both workers hear doorbells; return how long it took, in seconds.

        The proof are counts that rise: the watch would find the tickets without any doorbell.
        """
        began, heard = monotonic(), self.desk.doorbells_heard()

        def all_heard() -> bool:
            self.post_paced(1, PROBE_INTERVAL_S)
            now = self.desk.doorbells_heard()
            return all(now[name] > heard[name] for name in heard)

        assert wait_until(all_heard, DOORBELL_DEADLINE_S), "no doorbell came through"
        return monotonic() - began


def ticket_body(number: int, rng: random.Random) -> Mapping[str, Any]:
    """Return a ticket's body; half of the tickets need the skill."""
    body: dict[str, Any] = {
        "subject": f"Ticket {number}",
        # One address that gets many mails in a minute would be a loop to the notifier.
        "requester": {"name": "Mira", "email": f"mira{number}@example.com"},
        "priority": rng.choice(["critical", "high", "medium", "low"]),
    }
    if rng.random() < 0.5:
        body["required_skills"] = [{"skill": SKILL, "level": rng.randint(1, 5)}]
    return body
