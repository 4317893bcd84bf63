"""Who looks at a page: their language, how they write dates, which site sent them."""

from collections.abc import Collection
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from flask import Request

from services.intake.pages.catalogues import FALLBACK

#: What browsers say of a request from a page of ours, or typed in (Fetch Metadata, W3C §2.2).
_OWN_SITES = ("same-origin", "none")


def language_of(request: Request, known: Collection[str]) -> str:
    """Return the language to speak: `?lang=`, else what the browser prefers, else English."""
    asked = request.args.get("lang")
    if asked in known:
        return str(asked)
    for tag, quality in request.accept_languages:
        primary = tag.partition("-")[0].lower()
        if quality > 0 and primary in known:
            return primary
    return FALLBACK


def locale_of(request: Request, language: str) -> Locale:
    """Return how the visitor writes dates: the browser's region, if it is of the language."""
    for tag, _ in request.accept_languages:
        if tag.partition("-")[0].lower() == language:
            try:
                return Locale.parse(tag, sep="-")
            except (ValueError, UnknownLocaleError):
                break
    try:
        return Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale(FALLBACK)


def from_elsewhere(request: Request) -> bool:
    """Say whether a page of another site sent this form.

    By Sec-Fetch-Site where the browser sends it. `Origin` is `null` where the referrer is withheld,
    and then says nothing.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _OWN_SITES
    origin = request.headers.get("Origin", "null")
    return origin != "null" and urlsplit(origin).netloc != request.host
