"""What is asked of a plugin of any kind."""

import inspect
import json
import pickle
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from time import thread_time
from typing import Any, Generic, TypeVar

from shared.schemas.base import SLUG_PATTERN

P = TypeVar("P")

_THREADS = 4


class NotConforming(AssertionError):
    """A plugin is not what it must be."""


@dataclass(frozen=True, slots=True)
class Conformance:
    """A plugin that passed: its name, and the processor time of one call in microseconds."""

    name: str
    us_per_call: float


@dataclass(frozen=True, slots=True)
class Question(Generic[P]):
    """Something to ask a plugin, and what it is asked about, in words."""

    about: str
    ask: Callable[[P], Any]


class Examination(Generic[P]):
    """Asks plugins of one class with the same options."""

    def __init__(self, plugin: Callable[..., P], base: type[P], options: Mapping[str, Any]) -> None:
        self._plugin = plugin
        self._options = options
        self._inputs: tuple[Any, ...] = ()
        self._kept: tuple[Any, ...] = ()
        self.name = str(getattr(plugin, "name", plugin))
        self._check_class(base)
        self._check_options()

    def keep(self, *inputs: Any) -> None:
        """Keep what will be asked about, to see later that it was not changed."""
        self._inputs, self._kept = inputs, deepcopy(inputs)

    def build(self) -> P:
        """Return a new plugin."""
        return self._plugin(**self._options)

    def fail(self, wrong: str) -> NotConforming:
        """Return the error to raise."""
        return NotConforming(f"{self.name}: {wrong}")

    def check_answers(self, questions: Sequence[Question[P]], max_us: float) -> Conformance:
        """Check that the answers depend on the inputs alone, which stay as they are."""
        plugin = self.build()
        started = thread_time()
        first = [question.ask(plugin) for question in questions]
        us_per_call = (thread_time() - started) / max(1, len(questions)) * 1e6
        if self._inputs != self._kept:
            raise self.fail("changed what it was asked about; a plugin changes nothing")
        self._same(questions, first, "asked again", [q.ask(plugin) for q in questions])
        other = self.build()
        backwards = [question.ask(other) for question in reversed(questions)]
        self._same(questions, first, "asked in another order by a new one", backwards[::-1])
        self._same(questions, first, "pickled", [q.ask(self._pickled()) for q in questions[:50]])
        self._same(questions, first, f"asked by {_THREADS} threads", *self._threaded(questions))
        if us_per_call > max_us:
            raise self.fail(f"took {us_per_call:.0f} us a call; at most {max_us:g} are allowed")
        return Conformance(self.name, us_per_call)

    def _same(
        self, questions: Sequence[Question[P]], first: Sequence[Any], how: str, *others: list[Any]
    ) -> None:
        for other in others:
            for question, one, two in zip(questions, first, other, strict=False):
                if one != two:
                    raise self.fail(
                        f"is not pure: {question.about} it answered {one!r}, and {how} {two!r}"
                    )

    def _pickled(self) -> P:
        try:
            copy: P = pickle.loads(pickle.dumps(self.build()))  # noqa: S301 -- our own bytes
        except Exception as error:
            raise self.fail(f"cannot be pickled, as for other processes: {error}") from error
        return copy

    def _threaded(self, questions: Sequence[Question[P]]) -> list[list[Any]]:
        """Return the answers of one plugin to several threads, which change places often."""
        shared = self.build()
        interval_s = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            with ThreadPoolExecutor(_THREADS) as pool:
                asked = [
                    pool.submit(lambda: [question.ask(shared) for question in questions])
                    for _ in range(_THREADS)
                ]
                return [future.result() for future in asked]
        finally:
            sys.setswitchinterval(interval_s)

    def _check_class(self, base: type[P]) -> None:
        if not isinstance(self._plugin, type) or not issubclass(self._plugin, base):
            raise self.fail(f"is no class that inherits from {base.__name__}")
        if not isinstance(getattr(self._plugin, "name", None), str) or not re.match(
            SLUG_PATTERN, self.name
        ):
            raise self.fail(
                "`name` must be lower-case letters, digits, . _ and -, as its entry point's"
            )
        for flag in ("moves", "personal"):
            if not isinstance(getattr(self._plugin, flag, False), bool):
                raise self.fail(f"`{flag}` must be True or False")

    def _check_options(self) -> None:
        """Options come from a JSON document, by name, and a misspelt one must be refused."""
        for parameter in inspect.signature(self._plugin).parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise self.fail(f"option `{parameter}` must be a parameter with a name")
            if parameter.default is parameter.empty:
                if parameter.name not in self._options:
                    raise self.fail(f"option `{parameter.name}` has no default")
                continue
            try:
                json.dumps(parameter.default)
            except TypeError as error:
                raise self.fail(
                    f"option `{parameter.name}` has a default that JSON cannot hold"
                ) from error
        try:
            self.build()
        except Exception as error:
            raise self.fail(f"cannot be made with {dict(self._options)}: {error}") from error
