"""From what people type to a question: `status:open tag:vpn created:>2026-01-01 "a phrase" -not`.

Words, quoted phrases and filters must all hold; `-` before one turns it round; of several values,
separated by commas, any will do.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.search.fields import CREATED, FIELDS, checked
from shared.domain.search.question import Filter, Phrase, Question
from shared.domain.search.words import is_stop_word, terms

MAX_CHARS = 512
#: Words, phrases and filters together.
MAX_PARTS = 32
MAX_PHRASE_WORDS = 16
#: Of a number that may be a ticket's.
MAX_DIGITS = 18

_PART = re.compile(
    r"(?P<minus>-)?(?:(?P<name>[A-Za-z_]+):(?P<op>>=|<=|>|<)?(?=[^\s]))?"
    r'(?:"(?P<quoted>[^"]*)(?P<closed>"?)|(?P<bare>[^\s"]+))'
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NEAR = 0.75


class BadQuestion(ValueError):
    """A question cannot be understood; the text says where and what would do."""


@dataclass(frozen=True, slots=True)
class _Part:
    at: int
    excluded: bool
    name: str | None
    op: str
    text: str
    quoted: bool


def parse(text: str) -> Question:
    """Return the question that a text asks; raises BadQuestion. An empty text asks for all."""
    if len(text) > MAX_CHARS:
        raise BadQuestion(f"{len(text)} characters; {MAX_CHARS} are the most.")
    parts = list(_parts(text))
    if len(parts) > MAX_PARTS:
        raise BadQuestion(f"{len(parts)} words and filters; {MAX_PARTS} are the most.")
    return _without_stop_words(parts)


def moment(text: str) -> tuple[datetime, datetime]:
    """Return a day (UTC) or a moment as a span; raises ValueError with the way out."""
    try:
        found = datetime.fromisoformat(text)
        if _DAY.fullmatch(text):
            begin = found.replace(tzinfo=UTC)
            return begin, begin + timedelta(days=1)
        if found.tzinfo is not None:
            found = found.astimezone(UTC)
            return found, found + timedelta(microseconds=1)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{text[:40]!r} is no time; write 2026-01-31 or 2026-01-31T09:30:00Z.")


def span(op: str, text: str) -> tuple[datetime | None, datetime | None]:
    """Return from when, and until before when, a comparison with a time holds."""
    begin, end = moment(text)
    return {
        ">": (end, None),
        ">=": (begin, None),
        "<": (None, begin),
        "<=": (None, end),
        "": (begin, end),
    }[op]


def _parts(text: str) -> Iterator[_Part]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        found = _PART.match(text, place)
        if found is None:  # a lone minus
            place += 1
            continue
        if found["quoted"] is not None and not found["closed"]:
            raise BadQuestion(f"The quotation mark at character {place + 1} has no partner.")
        value = found["quoted"] if found["quoted"] is not None else found["bare"]
        quoted = found["quoted"] is not None
        name = _field(found["name"], place)
        if found["name"] and name is None:
            # Not one of our fields, but text such as https://… or ERROR:42.
            value = f"{found['name']}:{found['op'] or ''}{value}"
        op = (found["op"] or "") if name else ""
        yield _Part(place, found["minus"] is not None, name, op, value, quoted)
        place = found.end()


def _field(name: str | None, place: int) -> str | None:
    if name is None:
        return None
    lower, known = name.lower(), [*FIELDS, CREATED]
    if lower in known:
        return lower
    near = difflib.get_close_matches(lower, known, n=1, cutoff=_NEAR)
    if near:
        raise BadQuestion(
            f"There is no field {name!r} (character {place + 1}); did you mean {near[0]}:? "
            f'To search for the text, write it in quotes: "{name}: …".'
        )
    return None


class _Builder:
    """Collects what parts ask for. Its methods raise ValueError, without the place."""

    def __init__(self) -> None:
        self._phrases: list[Phrase] = []
        self._filters: list[Filter] = []
        self._numbers: set[int] = set()
        self._since: datetime | None = None
        self._until: datetime | None = None

    def add(self, part: _Part) -> None:
        if part.name is None:
            self._add_phrase(part)
        elif part.name == CREATED:
            self._add_span(part)
        else:
            self._add_filter(part.name, part)

    def question(self) -> Question:
        phrases, filters = tuple(self._phrases), tuple(self._filters)
        return Question(phrases, filters, self._since, self._until, frozenset(self._numbers))

    def _add_phrase(self, part: _Part) -> None:
        found = terms(part.text)
        if len(found) > MAX_PHRASE_WORDS:
            raise ValueError(f"{len(found)} words in one phrase; {MAX_PHRASE_WORDS} are the most.")
        if found:
            self._phrases.append(Phrase(tuple(found), part.excluded))
        bare = part.text.removeprefix("#")
        if not part.excluded and bare.isascii() and bare.isdigit() and len(bare) <= MAX_DIGITS:
            self._numbers.add(int(bare))

    def _add_span(self, part: _Part) -> None:
        if part.excluded:
            raise ValueError("created: cannot be excluded; turn the comparison round.")
        begin, end = span(part.op, part.text)
        self._since = max(filter(None, (self._since, begin)), default=None)
        self._until = min(filter(None, (self._until, end)), default=None)

    def _add_filter(self, name: str, part: _Part) -> None:
        if part.op:
            raise ValueError(f"{name}: takes values and no comparison; only created: does.")
        given = [part.text] if part.quoted else part.text.split(",")
        self._filters.append(Filter(name, checked(name, given), part.excluded))


def _without_stop_words(parts: list[_Part]) -> Question:
    telling = [
        part
        for part in parts
        if part.name is not None or part.quoted or part.excluded or not is_stop_word(part.text)
    ]
    builder = _Builder()
    # “It is” is a question too, if there is nothing else to go by.
    for part in telling or parts:
        try:
            builder.add(part)
        except ValueError as error:
            raise BadQuestion(f"At character {part.at + 1}: {error}") from error
    return builder.question()
