"""Conditions in CEL, the Common Expression Language (github.com/google/cel-spec).

The only module that knows the engine, Google's own (cel-cpp by `cel-expr-python`). A condition is
compiled once, checked against the variables there are, and then asked for many sets of facts, by
any number of threads: 2 microseconds an evaluation, 8 with a regular expression over a subject;
13 for the facts of a ticket, which all conditions share; 200 to compile, remembered (2-core
Linux VM, Python 3.11, busy with other things).

What bounds a hostile one: its length, 32 levels of nesting and 10,000 iterations by the engine,
regular expressions in linear time (RE2), no function that multiplies text; and in a loop no other
loop, no regular expression, nothing large and nothing that is put together. The dearest that was
found to pass takes three seconds, for a ticket with 10,000 values in a custom field.
"""

import re
import threading
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from shared.domain.errors import BadExpression, EvaluationFailed
from shared.domain.expression_tree import Tree, read_tree

#: The longest condition, in characters.
MAX_SOURCE = 4096
#: Compiled conditions that are remembered: a few full rule sets.
_REMEMBERED = 4096
#: The longest reason of a failed evaluation, which may quote what a ticket says.
_MAX_REASON = 200


class Kind(StrEnum):
    """What a variable holds. `ANY` may be null; nothing else may.

    Long texts and documents may be large, and cannot be looked at again in each round of a loop.
    """

    ANY = "any"
    TEXT = "text"
    LONG_TEXT = "long text"
    NUMBER = "number"
    MOMENT = "moment"
    TEXTS = "list of texts"
    DOCUMENT = "document"
    DOCUMENTS = "list of documents"


_LARGE = (Kind.LONG_TEXT, Kind.DOCUMENT)


class Environment:
    """The variables that conditions may look at, by their full names, such as `ticket.tags`."""

    def __init__(self, variables: Mapping[str, Kind]) -> None:
        self.variables = dict(variables)
        self._lock = threading.Lock()
        self._engine = cel.NewEnv(
            variables={name: _types()[kind] for name, kind in variables.items()}
        )
        self._patterns = cel.NewEnv(variables={"pattern": cel.Type.STRING}).compile(
            '"".matches(pattern) in [true, false]'
        )

    def facts(self, values: Mapping[str, Any]) -> "Facts":
        """Return values of all variables in the form that conditions take, to be asked by many."""
        return Facts(self._engine, values)

    def compile(self, source: str) -> "Expression":
        """Return a condition; raises BadExpression. Not remembered; see `compile_expression`."""
        _check_text(source)
        with self._lock:
            try:
                program = self._engine.compile(source)
            except RuntimeError as error:
                raise _refusal(str(error), self.variables) from error
            kind = program.return_type().name()
            if kind != "BOOL":
                reason = f"the result is {kind.lower()}; a condition compares and is true or false"
                raise BadExpression(1, 1, reason)
            tree = read_tree(program.serialize())
            self._judge(source, tree)
            # The engine finishes a program when it is asked first; later that could be a race.
            program.eval(data={})
        return Expression(source, program, frozenset(tree.names & self.variables.keys()))

    def _judge(self, source: str, tree: Tree) -> None:
        looped = [each for each in tree.looped if self.variables.get(each[0]) in _LARGE]
        for what, position in tree.too_much + looped:
            reason = f"within a loop {what} would cost too much; do it outside"
            raise BadExpression(*_place(source, position), reason)
        for pattern, position in tree.patterns:
            answer = self._patterns.eval(data={"pattern": pattern})
            if answer.value() is not True:
                raise BadExpression(*_place(source, position), _plain(str(answer.value())))


class Facts:
    """Values of the variables of an environment at one moment. For one thread."""

    __slots__ = ("activation",)

    def __init__(self, engine: cel.Env, values: Mapping[str, Any]) -> None:
        # It keeps the values alive and converts each when it is looked at.
        self.activation = engine.Activation(data=values)


class Expression:
    """A compiled condition. `variables` are the full names of those it looks at."""

    __slots__ = ("_program", "source", "variables")

    def __init__(self, source: str, program: cel.Expression, variables: frozenset[str]) -> None:
        self.source = source
        self.variables = variables
        self._program = program

    def evaluate(self, facts: Facts) -> bool:
        """Tell whether the condition holds; raises EvaluationFailed if that has no answer."""
        try:
            answer = self._program.eval(facts.activation).value()
        except (RuntimeError, TypeError, ValueError) as error:
            raise EvaluationFailed(_plain(str(error))) from error
        if answer is True or answer is False:
            return bool(answer)
        raise EvaluationFailed(_plain(str(answer)))


@lru_cache(maxsize=_REMEMBERED)
def compile_expression(source: str, environment: Environment) -> Expression:
    """Return a condition, compiled the first time; raises BadExpression."""
    return environment.compile(source)


def _types() -> dict[Kind, cel.Type]:
    text = cel.Type.STRING
    document = cel.Type.Map(text, cel.Type.DYN)
    return {
        Kind.ANY: cel.Type.DYN,
        Kind.TEXT: text,
        Kind.LONG_TEXT: text,
        Kind.NUMBER: cel.Type.INT,
        Kind.MOMENT: cel.Type.TIMESTAMP,
        Kind.TEXTS: cel.Type.List(text),
        Kind.DOCUMENT: document,
        Kind.DOCUMENTS: cel.Type.List(document),
    }


def _check_text(source: str) -> None:
    if len(source) > MAX_SOURCE:
        reason = f"{len(source)} characters are more than {MAX_SOURCE}; make two rules of it"
        raise BadExpression(1, 1, reason)
    for position, character in enumerate(source):
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            reason = f"the character U+{ord(character):04X} is not allowed"
            raise BadExpression(*_place(source, position), reason)


def _place(source: str, position: int) -> tuple[int, int]:
    """Return line and column, from 1, of a position that counts code points from 0."""
    before = source[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _refusal(message: str, variables: Mapping[str, Kind]) -> BadExpression:
    """Return the compiler's first complaint."""
    found = re.search(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)", message)
    if found is None or "recursion" in message:
        return BadExpression(1, 1, "nested more than 32 levels deep; make two rules of it")
    line, column, reason = int(found[1]), int(found[2]), found[3]
    reason = reason.partition(" expecting ")[0].replace(" (in container '')", "")
    reason = reason.replace("mismatched input '<EOF>'", "it ends too early")
    unknown = re.fullmatch(r"undeclared reference to '(.*)'", reason)
    if unknown is not None:
        reason = f"there is no {unknown[1]!r}"
        close = get_close_matches(unknown[1], variables, n=1)
        if close:
            reason += f"; did you mean {close[0]!r}?"
    return BadExpression(max(line, 1), max(column, 1), reason)


def _plain(message: str) -> str:
    """Return an engine's message without its status codes."""
    message = re.sub(r"^[A-Z_]+: ", "", message)
    return re.sub(r" \[[A-Z_]+\]$", "", message)[:_MAX_REASON]
