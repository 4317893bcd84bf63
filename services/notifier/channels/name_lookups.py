"""Looks host names up in threads of its own: each name once at a time, whoever waits for it.

An answer is used again for a minute, a failure for a few seconds. Who gets a thread first is
decided by `lookup_turns`; a name that was slow does not even wait for one, so that those who send
there hold no place meanwhile. Where there is no thread, an older answer does for a while (RFC 8767
section 4). All of it runs in one event loop.
"""

import asyncio
import socket
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from services.notifier.channels.lookup_turns import Standing, Turns
from shared.observability import metrics

#: For how long the answer for a name is used again, in seconds.
DNS_CACHE_S = 60.0
#: The same for a failure; shorter than the first wait of the schedule of attempts, so that none of
#: them meets the failure of the one before.
FAILURE_CACHE_S = 3.0
#: How much older an answer may be that is used for want of a thread, in seconds.
STALE_S = 3600.0
#: A name that takes longer than this is slow, in seconds.
PROMPT_S = 1.0
THREADS = 32
#: Names that are remembered; of those beyond, the ones used longest ago are forgotten.
MAX_NAMES = 10_000

#: Entries of `getaddrinfo`.
Answers = Sequence[tuple[Any, ...]]
Key = tuple[str, int]


class NoTurn(OSError):
    """No thread was free for this name; it says nothing about the name itself."""


@dataclass(slots=True, eq=False)
class Lookup:
    """A look-up that waits for a thread or is under way; `waiting` counts who waits for it."""

    key: Key
    standing: Standing
    begun: asyncio.Future[None]
    answers: asyncio.Future[Answers]
    waiting: int = 0
    slow: bool = False
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Known:
    """What is known of a name: `until` is in seconds of the loop's clock."""

    standing: Standing
    outcome: asyncio.Future[Answers] | None = None
    until: float = 0.0
    uses: int = 0


class NameLookups:
    """The look-ups of one process; `budget_s` bounds the wait for a thread, and for the answer."""

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        # Not the loop's executor: a few names whose servers are silent would fill it, and every
        # other user of threads in the process would wait behind them.
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="patchbay-dns")
        self._turns = Turns(THREADS)
        self._known: OrderedDict[Key, _Known] = OrderedDict()
        self._under_way: dict[Key, Lookup] = {}
        self._queues: dict[Standing, deque[Lookup]] = {each: deque() for each in Standing}

    def cached(self, key: Key) -> Answers | None:
        """Return the answers that are still good, each time beginning with another of them.

        Raises what the look-up failed of, while that is remembered.
        """
        known = self._known.get(key)
        if known is None or known.outcome is None or known.until <= _now():
            return None
        answers = known.outcome.result()
        known.uses += 1
        first = known.uses % max(1, len(answers))
        return [*answers[first:], *answers[:first]]

    def stale(self, key: Key) -> Answers | None:
        """Return what the name was answered last, if that is not too long ago."""
        known = self._known.get(key)
        if known is None or known.outcome is None or known.until + STALE_S <= _now():
            return None
        return known.outcome.result() if known.outcome.exception() is None else None

    def forget(self, key: Key) -> None:
        """Have a name looked up anew next time."""
        if key in self._known:
            self._known[key].outcome = None

    def of(self, key: Key) -> Lookup:
        """Return the look-up of a name, which begins if it can; raises NoTurn for a slow one."""
        lookup = self._under_way.get(key)
        if lookup is not None:
            return lookup
        known = self._known.get(key)
        standing = Standing.NEW if known is None else known.standing
        free = self._turns.may_begin(standing)
        if standing is Standing.SLOW and not free:
            _count("no_thread")
            raise NoTurn
        loop = asyncio.get_running_loop()
        lookup = Lookup(key, standing, loop.create_future(), loop.create_future())
        self._under_way[key] = lookup
        if free:
            self._begin(lookup)
        else:
            self._queues[standing].append(lookup)
        return lookup

    async def turn(self, lookup: Lookup) -> None:
        """Wait until a look-up has a thread; raises NoTurn if it gets none within the budget."""
        if lookup.begun.done():
            return
        lookup.waiting += 1
        try:
            async with asyncio.timeout(self._budget_s):
                await asyncio.shield(lookup.begun)
        except TimeoutError:
            _count("no_thread")
            raise NoTurn from None
        finally:
            lookup.waiting -= 1
            if not lookup.waiting and not lookup.begun.done():
                self._queues[lookup.standing].remove(lookup)
                del self._under_way[lookup.key]

    async def answers(self, lookup: Lookup) -> Answers:
        """Return what a look-up that has begun finds; OSError if that is nothing, or too late."""
        try:
            async with asyncio.timeout(self._budget_s):
                return await asyncio.shield(lookup.answers)
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, "name server too slow") from None

    def close(self) -> None:
        """Give up waiting for look-ups; threads end when the system's resolver returns."""
        for lookup in self._under_way.values():
            if lookup.timer is not None:
                lookup.timer.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _begin(self, lookup: Lookup) -> None:
        loop = asyncio.get_running_loop()
        host, family = lookup.key
        self._turns.begin(lookup.standing)
        lookup.begun.set_result(None)
        lookup.timer = loop.call_later(PROMPT_S, self._note_slow, lookup)
        found: asyncio.Future[Any] = loop.run_in_executor(
            self._executor, socket.getaddrinfo, host, 0, family, socket.SOCK_STREAM
        )
        found.add_done_callback(lambda future: self._end(lookup, future))

    def _note_slow(self, lookup: Lookup) -> None:
        """Count its thread against slow names from here on, whatever it was before."""
        self._turns.move(lookup.standing, Standing.SLOW)
        lookup.standing, lookup.slow = Standing.SLOW, True
        _count("slow")

    def _end(self, lookup: Lookup, found: asyncio.Future[Answers]) -> None:
        assert lookup.timer is not None  # noqa: S101 -- set when it began
        lookup.timer.cancel()
        self._turns.end(lookup.standing)
        del self._under_way[lookup.key]
        if found.cancelled():
            lookup.answers.cancel()
            return
        error = found.exception()
        _count("answered" if error is None else "failed")
        if error is None:
            lookup.answers.set_result(found.result())
        else:
            lookup.answers.set_exception(error)
            lookup.answers.exception()  # seen, even if nobody waits any more
        standing = Standing.SLOW if lookup.slow else Standing.PROMPT
        kept_s = DNS_CACHE_S if error is None else FAILURE_CACHE_S
        self._known[lookup.key] = _Known(standing, lookup.answers, _now() + kept_s)
        self._known.move_to_end(lookup.key)
        while len(self._known) > MAX_NAMES:
            self._known.popitem(last=False)
        self._give_turns()

    def _give_turns(self) -> None:
        for standing in Standing:
            queue = self._queues[standing]
            while queue and self._turns.may_begin(standing):
                self._begin(queue.popleft())


def _now() -> float:
    return asyncio.get_running_loop().time()


def _count(result: str) -> None:
    metrics.name_lookups.labels(result).inc()
