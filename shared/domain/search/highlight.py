"""Where the searched words stand in a text: a short piece of it, cut into plain and found parts.

Parts and not offsets, because languages count characters differently; and no markup, because what
customers wrote must not become any.
"""

from collections.abc import Collection
from dataclasses import dataclass

from shared.domain.search.words import Word, words

#: How much of a text is looked through, and how much is shown, in code points.
LOOKED_THROUGH = 20_000
SHOWN = 200
_LEAD = 40


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `match` tells whether it is a found word."""

    text: str
    match: bool


def highlight(text: str, wanted: Collection[str]) -> list[Piece]:
    """Return a piece of the text around found words, or nothing if there are none.

    It begins before the word from which on most different wanted stems follow.
    """
    found = [word for word in words(text[:LOOKED_THROUGH]) if word.term in wanted]
    if not found:
        return []
    start = _start(text, max(found, key=lambda word: _worth(word, found)))
    end = min(len(text), start + SHOWN)
    pieces: list[Piece] = []
    place = start
    for word in found:
        if word.start >= start and word.end <= end:
            pieces += [Piece(text[place : word.start], match=False)]
            pieces += [Piece(text[word.start : word.end], match=True)]
            place = word.end
    pieces.append(Piece(text[place:end], match=False))
    if start > 0:
        pieces.insert(0, Piece("…", match=False))
    if end < len(text):
        pieces.append(Piece("…", match=False))
    return [piece for piece in pieces if piece.text]


def _worth(first: Word, found: list[Word]) -> tuple[int, int]:
    within = {w.term for w in found if first.start <= w.start < first.start + SHOWN - _LEAD}
    return len(within), -first.start


def _start(text: str, first: Word) -> int:
    if first.end <= SHOWN // 2:
        return 0
    start = max(0, first.start - _LEAD)
    space = text.find(" ", start, first.start)
    return space + 1 if space >= 0 else start
