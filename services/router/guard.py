"""Keeps a plugin of somebody else from stopping routing: it is left out, and that is said.

Three faults: it raises, it answers what is no answer, it takes too long. The first two show at
once. Against the third a watchdog raises an error inside of the thread that waits for the plugin,
as Dramatiq's time limits do; it works for Python code, not for a call that never leaves C.
"""

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from dramatiq.threading import Interrupt, raise_thread_exception

from services.router.filters import Filter
from services.router.matching import Fault, Matcher, MatchingTable, Wanted
from services.router.model import Candidate, Choice, Context, Need, Subject
from services.router.pool import Pool
from services.router.scorers import Scorer
from shared.plugins import PluginKind


class PluginFault(Exception):
    """A plugin failed; the decision is made again without it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.kind} {fault.plugin}: {fault.error}")
        self.fault = fault


class _TooSlow(Interrupt):
    """Raised by the watchdog inside of a plugin."""


class Watchdog:
    """Bounds the seconds that each plugin may take in one batch.

    `begin` starts a batch for the calling thread. One thread a process looks after all the others;
    it begins with the first call that is watched.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._lock = threading.Condition()
        self._deadlines: dict[int, float] = {}
        self._resting = False
        self._thread: threading.Thread | None = None
        self._batch = threading.local()

    def begin(self) -> None:
        """Forget what plugins took in the batch before."""
        self._batch.spent = {}

    @contextmanager
    def watch(self, plugin: str) -> Iterator[None]:
        """Interrupt the block when the plugin has used up its time; counts what it took."""
        spent: dict[str, float] = self._batch.__dict__.setdefault("spent", {})
        started, me = monotonic(), threading.get_ident()
        outer = self._set(me, started + self.limit_s - spent.get(plugin, 0.0))
        try:
            yield
        finally:
            self._set(me, outer)
            spent[plugin] = spent.get(plugin, 0.0) + monotonic() - started

    def _set(self, thread: int, deadline: float | None) -> float | None:
        with self._lock:
            before = self._deadlines.pop(thread, None)
            if deadline is not None:
                self._deadlines[thread] = deadline
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="plugin-watchdog", daemon=True
                    )
                    self._thread.start()
                elif self._resting:
                    self._lock.notify()
            return before

    def _run(self) -> None:
        with self._lock:
            while True:
                now = monotonic()
                for thread, deadline in list(self._deadlines.items()):
                    if deadline <= now:
                        del self._deadlines[thread]
                        raise_thread_exception(thread, _TooSlow)  # type: ignore[no-untyped-call]
                self._resting = not self._deadlines
                # It looks a few times within the limit; nobody has to wake it for each call.
                self._lock.wait(None if self._resting else self.limit_s / 4)
                self._resting = False


@contextmanager
def _guarded(kind: PluginKind, name: str, watchdog: Watchdog) -> Iterator[None]:
    try:
        with watchdog.watch(name):
            yield
    except PluginFault:
        # Of another plugin, which this one asked.
        raise
    except _TooSlow as error:
        slow = f"took longer than {watchdog.limit_s:g} s in one batch"
        raise PluginFault(Fault(kind, name, slow)) from error
    except Exception as error:
        told = f"{type(error).__name__}: {error}"[:200]
        raise PluginFault(Fault(kind, name, told)) from error


class GuardedFilter(Filter):
    """A filter of somebody else."""

    def __init__(self, filter_: Filter, name: str, watchdog: Watchdog) -> None:
        self._filter = filter_
        self._watchdog = watchdog
        self.name = name  # type: ignore[misc]
        self.moves = bool(filter_.moves)  # type: ignore[misc]

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return the plugin's answer; raises PluginFault."""
        with _guarded(PluginKind.FILTER, self.name, self._watchdog):
            answer = self._filter.reject(need, candidate, context)
            if answer is not None and not isinstance(answer, str):
                raise TypeError(f"reject returned {answer!r}, not a reason or None")
            return answer

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Return the plugin's answers; raises PluginFault."""
        with _guarded(PluginKind.FILTER, self.name, self._watchdog):
            answers = []
            for reason, positions in self._filter.stopped(need, pool, among, context):
                if not isinstance(reason, str):
                    raise TypeError(f"the reason is {reason!r}, not text")
                answers.append((reason, positions & among))
            return answers


class GuardedScorer(Scorer):
    """A scorer of somebody else."""

    def __init__(self, scorer: Scorer, name: str, watchdog: Watchdog) -> None:
        self._scorer = scorer
        self._watchdog = watchdog
        self.name = name  # type: ignore[misc]
        self.moves = bool(scorer.moves)  # type: ignore[misc]
        self.personal = bool(scorer.personal)  # type: ignore[misc]

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return the plugin's number; raises PluginFault if it is none from 0 to 1."""
        with _guarded(PluginKind.SCORER, self.name, self._watchdog):
            value = float(self._scorer.score(subject, candidate, context))
            if math.isnan(value) or not 0.0 <= value <= 1.0:
                raise ValueError(f"score returned {value!r}, not a number from 0 to 1")
            return value


class GuardedMatcher(Matcher):
    """A matcher of somebody else."""

    def __init__(self, matcher: Matcher, name: str, watchdog: Watchdog) -> None:
        self._matcher = matcher
        self._watchdog = watchdog
        self.name = name  # type: ignore[misc]

    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        """Return the plugin's choices; raises PluginFault if there are more or fewer."""
        with _guarded(PluginKind.MATCHER, self.name, self._watchdog):
            choices = list(self._matcher.match(table, wanted))
            if len(choices) != len(wanted):
                raise ValueError(f"{len(choices)} choices for {len(wanted)} tickets")
            return choices
