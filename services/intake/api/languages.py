"""The language of what people read in an answer: English, or Russian where that is preferred."""

from enum import StrEnum

from flask import Request


class Language(StrEnum):
    """A language that texts exist in."""

    ENGLISH = "en"
    RUSSIAN = "ru"


def preferred(request: Request) -> Language:
    """Return the language that Accept-Language prefers (RFC 9110 §12.5.4); English if neither."""
    for tag, quality in request.accept_languages:
        primary = tag.partition("-")[0].lower()
        if quality > 0 and primary in set(Language):
            return Language(primary)
    return Language.ENGLISH
