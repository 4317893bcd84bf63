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
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Any, Protocol

from services.chaos.checker import Rule
from services.chaos.client import RESET_ANEW, Answer, Client
from services.chaos.errors import BrokenPromise, ChaosError

THREADS = 8

#: How many of a run's tickets are resolved while it goes on.
RESOLVED_SHARE = 0.5

#: Makes the body of the ticket of this number.
Body = Callable[[int, random.Random], Mapping[str, Any]]


class Reached(Protocol):
    """A desk that is reached by clients of its API."""

    def client(self) -> Client:
        """Return a client with a connection of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault: how it begins, within the run's thread, and how it is mended, beside the run."""

    begin: Callable[[], None]
    mend: Callable[[], None]


class Traffic:
    """The tickets of one run, perhaps posted in several rounds; threads share it."""

    def __init__(self, desk: Reached, seed: int, body: Body) -> None:
        self.desk = desk
        self.seed = seed
        self.accepted: dict[str, Answer] = {}
        self.resolved: set[str] = set()
        self.tries = 0
        self.slowest_s = 0.0
        self.posted = 0
        #: What went wrong with requests that were then tried again, by kind.
        self.troubles: Counter[str] = Counter()
        #: What ended those who posted, while the others go on.
        self.failures: list[ChaosError] = []
        self._body = body
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def post(self, tickets: int, strikes: Sequence[Strike] = ()) -> None:
        """Post this many tickets, with strikes at seeded moments in the middle.

        Returns when every ticket was answered and every fault is mended.
        """
        numbers = iter(range(self.posted, self.posted + tickets))
        rng = self._chance(f"{self.seed}/{self.posted}")
        self.posted += tickets
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
                self.posted += 1
                yield self.posted - 1

        due = numbers()
        with ThreadPoolExecutor(threads, thread_name_prefix="traffic") as pool:
            working = [pool.submit(self._work, due, lambda _: None, fresh) for _ in range(threads)]
            try:
                yield
            except Exception as error:
                over.set()
                # What the block waited for in vain did perhaps not come because of this.
                failed = [each.exception() for each in working]
                others = (each for each in failed if each is not None and each is not error)
                raise error from next(others, error.__cause__)
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

    @property
    def reset_anew(self) -> int:
        """How many connections were made, and reset before they had answered anything.

        So ends one that the kernel had made and the process had not taken when it ended.
        """
        return self.troubles[RESET_ANEW]

    def has_accepted(self, tickets: int) -> bool:
        """Tell whether so many tickets have been answered with 201."""
        return len(self.accepted) >= tickets

    def create(
        self,
        client: Client,
        number: int,
        rng: random.Random,
        on_accepted: Callable[[int], None] = lambda _: None,
    ) -> Answer:
        """Post one ticket, and tell how many have been accepted by then."""
        began = monotonic()
        answer = client.post("/v1/tickets", self._body(number, rng), f"{self.seed}-{number}")
        if answer.status != HTTPStatus.CREATED:
            raise _refused("a ticket", answer)
        with self._lock:
            self.accepted[answer.document["id"]] = answer
            self.tries += answer.tries
            self.slowest_s = max(self.slowest_s, answer.at - began)
            count = len(self.accepted)
        on_accepted(count)
        return answer

    def _work(
        self,
        numbers: Iterator[int],
        on_accepted: Callable[[int], None],
        fresh: bool = False,  # noqa: FBT001, FBT002 -- it is handed to threads by position
    ) -> None:
        client = self.desk.client()
        try:
            while (number := self._next(numbers)) is not None:
                rng = self._chance(f"{self.seed}-{number}")
                self.create(client, number, rng, on_accepted)
                if rng.random() < RESOLVED_SHARE:
                    self._resolve(client, rng)
                if fresh:
                    client.close()
        except ChaosError as error:
            with self._lock:
                self.failures.append(error)
            raise
        finally:
            client.close()
            with self._lock:
                self.troubles += client.troubles

    def _next(self, numbers: Iterator[int]) -> int | None:
        # Whoever has the turn may wait for the time of the next; answers are noted meanwhile.
        with self._turn:
            return next(numbers, None)

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
        try:
            answer = client.post(path, {"transition": "resolve"})
            again = answer.status == HTTPStatus.CONFLICT and answer.tries > 1
            if answer.status != HTTPStatus.OK and not again:
                raise _refused("to resolve a ticket", answer)
        except ChaosError:
            # Nobody was promised that it is resolved.
            with self._lock:
                self.resolved.discard(ticket_id)
            raise

    @staticmethod
    def _chance(seed: str) -> random.Random:
        return random.Random(seed)  # noqa: S311 -- a run that can be repeated, not a secret


def _refused(what: str, answer: Answer) -> ChaosError:
    """Return what an answer means that is no success: a broken promise only if it is a 5xx."""
    said = f"({answer.status}): {answer.document}"
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BrokenPromise(Rule.FAULT, f"asked for {what} {said}")
    return ChaosError(f"The API refused {what} {said}")
