"""What an expression is made of, read from the checked tree that the CEL compiler gives out.

The binding evaluates and serialises expressions but does not show their parts. The serialised form
is public, `cel.expr.CheckedExpr` (github.com/google/cel-spec, proto/cel/expr/checked.proto and
syntax.proto) in the protocol-buffers wire format (protobuf.dev/programming-guides/encoding); the
few fields that matter here are read by their numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

_ANY_VALUE = 2
_REFERENCES, _EXPRESSION, _SOURCE = 2, 4, 5
_POSITIONS = 4
_IDENTITY, _CONSTANT, _IDENTIFIER, _SELECTION, _CALL, _LIST, _MAP, _LOOP = range(2, 10)
_TARGET, _FUNCTION, _ARGUMENTS = 1, 2, 3
_RANGE, _ACCUMULATOR = 2, 3
#: The first value of the accumulator, the condition, the step and the result.
_LOOP_PARTS = (4, 5, 6, 7)
_STRING = 6

#: Functions that make text as long as a ticket's, which in a loop would fill the memory; and
#: regular expressions, a hundred of which in each round of a loop would take minutes.
_DEAR = frozenset({"_+_", "bytes", "string", "matches"})


@dataclass(slots=True)
class Tree:
    """The parts of an expression that are judged; positions count code points from 0.

    `names` are the variables it looks at and `looped` those it looks at again in each round of a
    loop, `patterns` the constant regular expressions, `too_much` what is refused within a loop.
    """

    names: set[str] = field(default_factory=set)
    looped: list[tuple[str, int]] = field(default_factory=list)
    patterns: list[tuple[str, int]] = field(default_factory=list)
    too_much: list[tuple[str, int]] = field(default_factory=list)


def read_tree(serialized: bytes) -> Tree:
    """Return the tree of a serialised, checked expression."""
    checked = _one(serialized, _ANY_VALUE)
    tree = Tree()
    for entry in _all(checked, _REFERENCES):
        name = _one(_one(entry, 2), 1)
        if name:
            tree.names.add(name.decode())
    positions = {}
    for entry in _all(_one(checked, _SOURCE), _POSITIONS):
        pair = {number: value for number, value in _fields(entry) if isinstance(value, int)}
        positions[pair.get(1, 0)] = pair.get(2, 0)
    _walk(_one(checked, _EXPRESSION), tree, positions, b"")
    return tree


def _walk(node: bytes, tree: Tree, positions: dict[int, int], accumulator: bytes) -> None:
    """Look at a node and what is below it; `accumulator` is the result of the loop around it."""
    identity, kind, content = 0, 0, b""
    for number, value in _fields(node):
        if isinstance(value, bytes):
            kind, content = number, value
        else:
            identity = value
    position = positions.get(identity, 0)
    if kind == _LOOP:
        if accumulator:
            tree.too_much.append(("another loop", position))
        # What a loop goes over is looked at once, before it begins.
        _walk(_one(content, _RANGE), tree, positions, accumulator)
        for part in _LOOP_PARTS:
            _walk(_one(content, part), tree, positions, _one(content, _ACCUMULATOR))
        return
    if kind == _IDENTIFIER and accumulator:
        tree.looped.append((_one(content, 1).decode(), position))
    if kind == _CALL:
        _judge(content, tree, position, accumulator)
    if accumulator and (kind == _MAP or (kind == _LIST and _is_built(content))):
        tree.too_much.append(("a list or map of what changes", position))
    for child in _parts(kind, content):
        _walk(child, tree, positions, accumulator)


def _parts(kind: int, content: bytes) -> Iterator[bytes]:
    """Yield the nodes right below a node that is not a loop."""
    if kind == _CALL:
        yield from _all(content, _TARGET)
        yield from _all(content, _ARGUMENTS)
    elif kind in (_SELECTION, _LIST):
        yield from _all(content, 1)
    elif kind == _MAP:
        for entry in _all(content, 2):
            yield from _all(entry, 3)
            yield from _all(entry, 4)


def _judge(call: bytes, tree: Tree, position: int, accumulator: bytes) -> None:
    function = _one(call, _FUNCTION).decode()
    arguments = list(_all(call, _ARGUMENTS))
    if function == "matches":
        pattern = _one(_one(arguments[-1], _CONSTANT), _STRING)
        if pattern:
            tree.patterns.append((pattern.decode(), position))
    if function in _DEAR and accumulator:
        # The macros `map` and `filter` add to their own result, and to nothing else.
        grown = _one(_one(arguments[0], _IDENTIFIER), 1) if arguments else b""
        if grown != accumulator:
            tree.too_much.append((function.strip("_"), position))


def _is_built(made: bytes) -> bool:
    """Tell whether a list is made anew in each round; `map` adds lists of one to its result."""
    elements = list(_all(made, 1))
    return len(elements) > 1 and not all(
        number in (_IDENTITY, _CONSTANT) for element in elements for number, _ in _fields(element)
    )


def _all(message: bytes, wanted: int) -> Iterator[bytes]:
    for number, value in _fields(message):
        if number == wanted and isinstance(value, bytes):
            yield value


def _one(message: bytes, wanted: int) -> bytes:
    return next(_all(message, wanted), b"")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field numbers and values: varints as numbers, everything else as bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length, at = _varint(message, at)
        yield number, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
