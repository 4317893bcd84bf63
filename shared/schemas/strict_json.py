"""JSON as RFC 8259 and I-JSON (RFC 7493) have it: nothing that can be read in two ways.

orjson refuses most of what is no JSON: other encodings, byte order marks, lone surrogates, NaN and
Infinity, text after the document. It keeps the last of two members with the same name, and reads an
integer beyond 64 bits as the nearest float. Both are found here, at a cost of a few microseconds
for a kilobyte: the standard library's reader, which tells of each member, is asked only where
counting the colons leaves a doubt.
"""

import json
import re
from typing import Any

import orjson

from shared.domain.errors import MalformedRequest

#: How deep objects and lists may be nested in one another. (RFC 8259 §9 lets a reader set it.)
MAX_NESTING = 32

#: A number at or beyond this cannot be told apart from its neighbours. (RFC 7493 §2.2.)
LARGEST_NUMBER = 2.0**63

_CONTAINERS = frozenset({dict, list})
_TO_LOOK_AT = frozenset({dict, list, float})
_SPACED_COLON = re.compile(rb'"[ \t\r\n]+:')


def parse_json(data: bytes) -> Any:
    """Return what a body says; raises MalformedRequest that tells the place and the way out."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(_told(data, error)) from error
    if type(document) not in _TO_LOOK_AT:
        return document
    members = _count_members(document)
    # Every member has one colon, and a quote before it. Text that holds `":` only adds doubt.
    if data.count(b'":') != members or _SPACED_COLON.search(data):
        _require_distinct(data)
    return document


def _count_members(document: Any) -> int:
    """Return how many members the objects have; raises for a number or nesting beyond bounds."""
    members, depth, level = 0, 0, [document]
    while level:
        depth += 1
        if depth > MAX_NESTING and not _CONTAINERS.isdisjoint(map(type, level)):
            message = f"The body is nested more than {MAX_NESTING} levels deep; make it flatter."
            raise MalformedRequest(message)
        inner: list[Any] = []
        for each in level:
            kind = type(each)
            if kind is dict:
                members += len(each)
                values = each.values()
            elif kind is list:
                values = each
            else:
                _require_small(each)
                continue
            if not _TO_LOOK_AT.isdisjoint(map(type, values)):
                inner += [value for value in values if type(value) in _TO_LOOK_AT]
        level = inner
    return members


def _require_small(number: float) -> None:
    if not -LARGEST_NUMBER < number < LARGEST_NUMBER:
        message = (
            f"The body holds a number too large to be kept exactly, about {number:.3e}; "
            "send it as text."
        )
        raise MalformedRequest(message)


def _told(data: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as undecodable:
        return f"The body is not UTF-8: byte {undecodable.start + 1} begins no character."
    return f"The body is not JSON: {error}."


class _Members(list[tuple[str, Any]]):
    """The members of an object in the order in which they came."""


class _Repeated(Exception):
    """Two members of an object have the same name."""


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise _Repeated
    return found


_reader = json.JSONDecoder(object_pairs_hook=_distinct)
_pairs_reader = json.JSONDecoder(object_pairs_hook=_Members)


def _require_distinct(data: bytes) -> None:
    """Raise MalformedRequest, with a JSON Pointer, if an object has two members of one name."""
    text = data.decode()
    try:
        _reader.decode(text)
    except _Repeated:
        pointer = _find_repeated(_pairs_reader.decode(text))
        message = f"The body has {pointer} twice; send each member of an object once."
        raise MalformedRequest(message) from None


def _find_repeated(document: Any) -> str:
    waiting = [("", document)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, _Members):
            seen: set[str] = set()
            for name, inner in value:
                path = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
                if name in seen:
                    return path
                seen.add(name)
                waiting.append((path, inner))
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{index}", inner) for index, inner in enumerate(value)]
    return ""
