"""Words of a text and their stems: one way for indexing, asking and highlighting.

Neither database stems here. PostgreSQL would need to be told the language of each text, SQLite
knows English only; and a ticket mixes both with error codes. So the script of each word decides:
Latin letters are stemmed as English, Cyrillic ones as Russian (Snowball, snowballstem.org), and
all else, such as `0x80070005`, stays as it is. Both databases then answer the same.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from snowballstemmer import stemmer

_WORD = re.compile(r"[^\W_]+")
_LATIN = re.compile(r"[a-zà-öø-ÿ']+")
_CYRILLIC = re.compile(r"[а-я]+")

#: Longer words are cut: what is that long is a hash or a paste, found by its beginning.
MAX_WORD_CHARS = 64

_ENGLISH, _RUSSIAN = stemmer("english"), stemmer("russian")
_LOCK = threading.Lock()

_STOP_WORDS_TEXT = """
a an and are as at be by do does for from has have i in is it my not of on or our that the this to
was we with you your
а без бы в вы до за и из или к как мне мы на не но о об от по при с со то у что это я
"""
#: What a question may well leave out, because every text has it.
STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: where it stands, in code points, and its stem."""

    start: int
    end: int
    term: str


def words(text: str) -> Iterator[Word]:
    """Yield the words of a text in order; punctuation and underscores part them."""
    for found in _WORD.finditer(text):
        yield Word(found.start(), found.end(), term(found.group()))


def terms(text: str) -> list[str]:
    """Return the stems of a text's words in order."""
    return [term(found) for found in _WORD.findall(text)]


def term(word: str) -> str:
    """Return what a word is indexed as."""
    # Numbers, ids and hashes hardly ever come again: they would take the room of words that do.
    return _known(word) if word.isalpha() else _indexed_as(word)


@lru_cache(maxsize=30_000)
def _known(word: str) -> str:
    return _indexed_as(word)


def _indexed_as(word: str) -> str:
    plain = unicodedata.normalize("NFKC", word[: MAX_WORD_CHARS * 2]).casefold()
    plain = plain.replace("ё", "е")[:MAX_WORD_CHARS]
    # Normalizing can part a word, as ½ does; what is indexed is one token.
    plain = "".join(_WORD.findall(plain)) or "0"
    if _LATIN.fullmatch(plain):
        return _stem(_ENGLISH, plain)
    if _CYRILLIC.fullmatch(plain):
        return _stem(_RUSSIAN, plain)
    return plain


def is_stop_word(word: str) -> bool:
    """Tell whether a word says nothing by itself."""
    return word.casefold() in STOP_WORDS


def _stem(stemmer_: object, word: str) -> str:
    # A stemmer keeps the word it works on in itself, so threads must not share a call.
    with _LOCK:
        return str(stemmer_.stemWord(word))  # type: ignore[attr-defined]
