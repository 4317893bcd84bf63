"""What bulk jobs hold of a person who is erased: lines that are to come, and what was told of them.

A line that is to come is the person's if its requester has one of their ids or addresses; it then
names who was erased, by which it is refused when its turn comes. What was told quotes what was
sent, so a problem that holds a word of theirs loses its words.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select, update

from services.intake.bulk.receiving import PACKED
from services.intake.bulk.repository import CHUNKS
from shared.db.engine import Database, Row
from shared.domain.erasure import ERASED
from shared.domain.identity import Identity, IdentityKind, identities_of

#: Chunks that are read at a time.
PAGE = 20

#: Digits at the end of a number by which its line is looked at closely, however it is written.
_TAIL = 7
_NO_DIGITS = bytes(each for each in range(256) if not chr(each).isdigit() or each > 127)


@dataclass(frozen=True, slots=True)
class Person:
    """By what somebody is known in lines: ids, addresses, and words that only they have.

    The first id is who is left in place of them.
    """

    ids: Sequence[str]
    identities: frozenset[Identity]
    words: frozenset[str]

    def is_in(self, requester: Any) -> bool:
        """Tell whether a line's requester is this person."""
        if not isinstance(requester, Mapping):
            return False
        if requester.get("id") in self.ids:
            return True
        texts = {n: v for n, v in requester.items() if isinstance(v, str)}
        return not self.identities.isdisjoint(identities_of(texts))


def erase_lines(database: Database, person: Person) -> None:
    """Take a person out of all jobs, a chunk in a transaction; a chunk under way is waited for."""
    last = ""
    query = select(CHUNKS.c.id, CHUNKS.c.body, CHUNKS.c.results).order_by(CHUNKS.c.id).limit(PAGE)
    while True:
        with database.reading() as connection:
            page = connection.execute(query.where(CHUNKS.c.id > last)).mappings().all()
        for row in page:
            if _less(dict(row), person):
                _rewrite(database, row["id"], person)
        if len(page) < PAGE:
            return
        last = page[-1]["id"]


def _rewrite(database: Database, chunk_id: str, person: Person) -> None:
    with database.transaction() as tx:
        row = tx.first(select(CHUNKS).where(CHUNKS.c.id == chunk_id).with_for_update())
        if row is not None and (values := _less(row, person)):
            one = update(CHUNKS).where(CHUNKS.c.id == chunk_id)
            tx.execute(one.values(**values, last_error=None))


def _less(row: Row, person: Person) -> dict[str, bytes]:
    """Return the columns of a chunk that hold something of the person, without it."""
    kinds: dict[str, Callable[[bytes, Person], bytes]] = {"body": _left, "results": _told}
    found = {}
    for name, left in kinds.items():
        if row[name] is not None:
            text = zlib.decompress(row[name])
            if (less := left(text, person)) != text:
                found[name] = zlib.compress(less, PACKED)
    return found


def _left(text: bytes, person: Person) -> bytes:
    if not _worth_a_look(text, person):
        return text
    instead = orjson.dumps({"subject": ERASED, "requester": {"id": person.ids[0]}})
    lines = text.split(b"\n")
    return b"\n".join(instead if _is_theirs(line, person) else line for line in lines)


def _worth_a_look(text: bytes, person: Person) -> bool:
    """Tell cheaply whether a line may be the person's; parsing all lines would take minutes."""
    if b"\\" in text:
        return True
    lower, digits = text.decode(errors="replace").lower(), text.translate(None, _NO_DIGITS)
    for each in person.identities:
        if each.kind is IdentityKind.PHONE and each.value[-_TAIL:].encode() in digits:
            return True
        # The domain may be written in letters that DNS has not.
        sought = each.value.partition("@")[0] if each.kind is IdentityKind.EMAIL else each.value
        if sought.lower() in lower:
            return True
    return any(each in lower for each in person.ids)


def _is_theirs(line: bytes, person: Person) -> bool:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        # Refused when its turn comes; whose it is nobody knows, so a word of theirs is enough.
        return _quotes(line.decode(errors="replace"), person)
    return isinstance(document, dict) and person.is_in(document.get("requester"))


def _told(text: bytes, person: Person) -> bytes:
    if b'"problem"' not in text:
        return text
    return b"".join(_told_line(line, person) for line in text.splitlines(keepends=True))


def _told_line(line: bytes, person: Person) -> bytes:
    if b'"problem"' not in line or not _quotes(line.decode(), person):
        return line
    result = orjson.loads(line)
    problem = result["problem"]
    problem["detail"] = ERASED
    for error in problem.get("errors", ()):
        error["detail"] = ERASED
    return orjson.dumps(result) + b"\n"


def _quotes(text: str, person: Person) -> bool:
    lower = text.lower()
    return any(word in lower for word in person.words)
