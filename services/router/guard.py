"""Keeps a plugin of somebody else from stopping routing: it is left out, and that is said.

Three faults: it raises (whatever, even SystemExit), it answers what is no answer, it takes too
long. Against the third stands `services.router.watchdog`.
"""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import TypeVar

from services.router.filters import Filter
from services.router.matching import Fault, Matcher, MatchingTable, Wanted
from services.router.matching.check import check_choices
from services.router.model import Candidate, Choice, Context, Need, Subject
from services.router.orders import Order, Waiting
from services.router.pool import Pool
from services.router.scorers import Scorer
from services.router.watchdog import TooSlow, Watchdog
from shared.plugins import PluginKind

R = TypeVar("R")

#: Characters of a plugin's reason or error that are kept.
MAX_TEXT = 200


class PluginFault(Exception):
    """A plugin failed; the decision is made again without it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.kind} {fault.plugin}: {fault.error}")
        self.fault = fault


def told(error: BaseException) -> str:
    """Return an error as text, bounded; an error that cannot even be printed by its name."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 -- a stranger's __str__
        text = type(error).__name__
    return text[:MAX_TEXT]


class _Guarded:
    """Runs a plugin's code and turns what goes wrong into PluginFault."""

    kind: PluginKind

    def __init__(self, name: str, watchdog: Watchdog) -> None:
        self.name = name
        self._watchdog = watchdog

    def _run(self, call: Callable[[], R]) -> R:
        try:
            return self._watchdog.run(f"{self.kind} {self.name}", call)
        except PluginFault:
            # Of another plugin, which this one asked.
            raise
        except TooSlow as error:
            raise PluginFault(Fault(self.kind, self.name, str(error))) from error
        except BaseException as error:
            if _somebody_pressed_ctrl_c(error):
                raise
            raise PluginFault(Fault(self.kind, self.name, told(error))) from error


def _somebody_pressed_ctrl_c(error: BaseException) -> bool:
    """Tell a signal from a plugin's own KeyboardInterrupt; only the main thread gets signals."""
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
    )


class GuardedFilter(_Guarded, Filter):
    """A filter of somebody else."""

    kind = PluginKind.FILTER

    def __init__(self, filter_: Filter, name: str, watchdog: Watchdog) -> None:
        super().__init__(name, watchdog)
        self._filter = filter_
        self.moves = bool(filter_.moves)  # type: ignore[misc]

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return the plugin's answer; raises PluginFault."""

        def ask() -> str | None:
            answer = self._filter.reject(need, candidate, context)
            return None if answer is None else _reason(answer)

        return self._run(ask)

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Return the plugin's answers, each agent under one reason; raises PluginFault."""

        def ask() -> list[tuple[str, int]]:
            answers, left = [], among
            for reason, positions in self._filter.stopped(need, pool, among, context):
                if not isinstance(positions, int):
                    raise TypeError(f"the set of {reason!r} is {positions!r}, not an integer")
                # So an endless answer ends in time without filling the memory.
                if positions & left:
                    answers.append((_reason(reason), positions & left))
                    left &= ~positions
            return answers

        return self._run(ask)


class GuardedScorer(_Guarded, Scorer):
    """A scorer of somebody else."""

    kind = PluginKind.SCORER

    def __init__(self, scorer: Scorer, name: str, watchdog: Watchdog) -> None:
        super().__init__(name, watchdog)
        self._scorer = scorer
        self.moves = bool(scorer.moves)  # type: ignore[misc]
        self.personal = bool(scorer.personal)  # type: ignore[misc]

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return the plugin's number; raises PluginFault if it is none from 0 to 1."""

        def ask() -> float:
            answer = self._scorer.score(subject, candidate, context)
            if type(answer) is not float and not isinstance(answer, Real):
                raise TypeError(f"score returned {answer!r}, not a number from 0 to 1")
            if not 0.0 <= answer <= 1.0:
                raise ValueError(f"score returned {answer!r}, not a number from 0 to 1")
            return float(answer)

        return self._run(ask)


class GuardedOrder(_Guarded, Order):
    """An order of somebody else."""

    kind = PluginKind.ORDER

    def __init__(self, order: Order, name: str, watchdog: Watchdog) -> None:
        super().__init__(name, watchdog)
        self._order = order
        self.counts = bool(order.counts)  # type: ignore[misc]

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        """Return the plugin's key; raises PluginFault if it is no tuple of numbers."""

        def ask() -> tuple[float, ...]:
            answer = self._order.key(ticket, context)
            if not isinstance(answer, tuple) or not answer or any(map(_no_number, answer)):
                raise ValueError(f"key returned {answer!r}, not a tuple of numbers")
            return tuple(float(part) for part in answer)

        return self._run(ask)


class GuardedMatcher(_Guarded, Matcher):
    """A matcher of somebody else."""

    kind = PluginKind.MATCHER

    def __init__(self, matcher: Matcher, name: str, watchdog: Watchdog) -> None:
        super().__init__(name, watchdog)
        self._matcher = matcher

    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        """Return the plugin's choices; raises PluginFault if one breaks a filter or is not taken.

        What was taken in the table stays taken after a fault: decide again with a new table.
        """
        before = table.candidates()
        choices = self._run(lambda: list(self._matcher.match(table, wanted)))
        try:
            check_choices(table, before, wanted, choices)
        except ValueError as error:
            raise PluginFault(Fault(self.kind, self.name, told(error))) from error
        return choices


def _reason(answer: object) -> str:
    if not isinstance(answer, str):
        raise TypeError(f"the answer is {answer!r}, not a reason or None")
    return answer[:MAX_TEXT]


def _no_number(part: object) -> bool:
    return not isinstance(part, Real) or not math.isfinite(part)
