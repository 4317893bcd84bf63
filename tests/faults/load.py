"""A run of tickets: threads that post as fast as they can and resolve some of what was accepted.

A run remembers every answer, and can strike: do something in the very thread that has just read the
n-th 201, so that what is killed dies right after it.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from deploy.local.waiting import wait_until
from tests.faults.client import Answer, Client
from tests.faults.desk import SKILL, Desk

THREADS = 8

DOORBELL_DEADLINE_S, PROBE_INTERVAL_S = 60.0, 0.1

#: How many of a run's tickets are resolved while it goes on.
RESOLVED_SHARE = 0.5

_pause = threading.Event()


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault: how it begins, within the run's thread, and how it is mended, beside the run."""

    begin: Callable[[], None]
    mend: Callable[[], None]


@dataclass(slots=True)
class Run:
    """The tickets of one test, perhaps posted in several rounds."""

    desk: Desk
    seed: int
    accepted: dict[str, Answer] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)
    tries: int = 0
    slowest_s: float = 0.0
    #: The longest that the desk took to come to rest after a strike was mended, where it was seen.
    longest_rest_s: float = 0.0
    #: What went wrong with requests that were then tried again, by kind.
    troubles: Counter[str] = field(default_factory=Counter)
    _posted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, tickets: int, strikes: Sequence[Strike] = ()) -> None:
        """Post this many tickets, with strikes at seeded moments in the middle.

        Returns when every ticket was answered and every fault is mended.
        """
        numbers = iter(range(self._posted, self._posted + tickets))
        rng = random.Random(f"{self.seed}/{self._posted}")
        self._posted += tickets
        moments = rng.sample(range(tickets // 5, tickets * 4 // 5), len(strikes))
        due = {len(self.accepted) + at: strike for at, strike in zip(moments, strikes, strict=True)}
        with ThreadPoolExecutor(THREADS + len(strikes)) as pool:
            mending: list[Future[None]] = []

            def on_accepted(count: int) -> None:
                strike = due.get(count)
                if strike is not None:
                    strike.begin()
                    mending.append(pool.submit(strike.mend))

            for working in [pool.submit(self._work, numbers, on_accepted) for _ in range(THREADS)]:
                working.result()
            for mended in mending:
                mended.result()

    @contextmanager
    def going_on(
        self, interval_s: float, threads: int = 1, *, fresh: bool = False
    ) -> Iterator[None]:
        """Post and resolve tickets all the time, beside what the block does.

        A ticket each `interval_s`, by as many clients as `threads`; with `fresh` each by a
        connection of its own.
        """
        over = threading.Event()

        def numbers() -> Iterator[int]:
            while not over.wait(interval_s):
                self._posted += 1
                yield self._posted - 1

        due = numbers()
        with ThreadPoolExecutor(threads, thread_name_prefix="traffic") as pool:
            working = [pool.submit(self._work, due, lambda _: None, fresh) for _ in range(threads)]
            try:
                yield
            except Exception as error:
                over.set()
                # What the block waited for in vain did perhaps not come because of this.
                failed = [each.exception() for each in working]
                raise error from next(filter(None, failed), None)
            finally:
                over.set()
            for each in working:
                each.result()

    @property
    def turned_away(self) -> int:
        """How many tries were answered 503 or found nobody who listens.

        A connection that is closed while it is kept is none: a client opens another (RFC
        9112, 9.5).
        """
        return self.troubles["503"] + self.troubles["ConnectionRefusedError"]

    def has_accepted(self, tickets: int) -> bool:
        """Tell whether so many tickets have been answered with 201."""
        return len(self.accepted) >= tickets

    def post_paced(self, tickets: int, interval_s: float) -> list[Answer]:
        """Post one ticket after the other, at an even pace, and resolve none."""
        client, answers, began = self.desk.client(), [], monotonic()
        for index in range(tickets):
            _pause.wait(began + (index + 1) * interval_s - monotonic())
            rng = random.Random(f"{self.seed}-{self._posted}")
            answers.append(self._create(client, self._posted, rng))
            self._posted += 1
        client.close()
        return answers

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

    def _work(
        self,
        numbers: Iterator[int],
        on_accepted: Callable[[int], None],
        fresh: bool = False,  # noqa: FBT001, FBT002 -- it is handed to threads by position
    ) -> None:
        client = self.desk.client()
        try:
            while (number := self._next(numbers)) is not None:
                rng = random.Random(f"{self.seed}-{number}")
                self._create(client, number, rng, on_accepted)
                if rng.random() < RESOLVED_SHARE:
                    self._resolve(client, rng)
                if fresh:
                    client.close()
        finally:
            client.close()
            with self._lock:
                self.troubles += client.troubles

    def _next(self, numbers: Iterator[int]) -> int | None:
        with self._lock:
            return next(numbers, None)

    def _create(
        self,
        client: Client,
        number: int,
        rng: random.Random,
        on_accepted: Callable[[int], None] = lambda _: None,
    ) -> Answer:
        """Post one ticket, and tell how many have been accepted by then."""
        began = monotonic()
        answer = client.post("/v1/tickets", ticket_body(number, rng), f"{self.seed}-{number}")
        assert answer.status == 201, answer.document
        with self._lock:
            self.accepted[answer.document["id"]] = answer
            self.tries += answer.tries
            self.slowest_s = max(self.slowest_s, answer.at - began)
            count = len(self.accepted)
        on_accepted(count)
        return answer

    def _resolve(self, client: Client, rng: random.Random) -> None:
        """Resolve a ticket that nobody has resolved.

        The step has no idempotency key: refused when it is repeated, it was made the first time.
        """
        with self._lock:
            unresolved = [ticket for ticket in self.accepted if ticket not in self.resolved]
            if not unresolved:
                return
            ticket_id = rng.choice(unresolved)
            self.resolved.add(ticket_id)
        path = f"/v1/tickets/{ticket_id}/transitions"
        answer = client.post(path, {"transition": "resolve"})
        again = answer.status == 409 and answer.tries > 1
        assert answer.status == 200 or again, answer.document


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
