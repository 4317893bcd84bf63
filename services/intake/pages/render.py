"""A page as an answer: filled template, and headers that let it do nothing but what it is for."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Response, request
from markupsafe import Markup, escape

from services.intake.pages.catalogues import Texts
from services.intake.pages.site import THEME, Site, site
from services.intake.pages.visitor import language_of, locale_of
from shared.domain.clock import rfc3339

#: What a page hands on to the next: its language, and the frame that it stands in.
_KEPT = ("lang", "embed", "origin")


def texts(language: str | None = None) -> Texts:
    """Return the texts in a language, by default the visitor's."""
    known = site().texts
    if language is not None and language in known:
        return known[language]
    return known[language_of(request, known)]


def page(
    template: str,
    status: int = 200,
    *,
    language: str | None = None,
    frameable: bool = False,
    secret: bool = True,
    **values: Any,
) -> Response:
    """Return a page.

    `frameable` pages may stand in frames on the sites that the installation names; `secret` ones
    have a token in their address, which must not leak by the Referer header.
    """
    found, t = site(), texts(language)
    locale, nonce = locale_of(request, t.language), secrets.token_urlsafe(16)
    text = found.templates.get_template(template).render(
        t=t,
        languages=list(found.texts.values()),
        base=found.base_path,
        asset=_asset_url(found),
        theme=THEME in found.assets,
        nonce=nonce,
        embedded=frameable and "embed" in request.args,
        host_origin=_host_origin(found) if frameable else None,
        query=query,
        when=_when(locale),
        size=_size(locale, t),
        lines=_lines,
        secret=secret,
        **values,
    )
    response = Response(text, status, content_type="text/html; charset=utf-8")
    ancestors = " ".join(("'self'", *found.embed_origins)) if frameable else "'none'"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
    if not frameable:
        response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer" if secret else "same-origin"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = t.language
    response.headers["Vary"] = "Accept-Language"
    if secret:
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def see_other(path: str, **changed: str | None) -> Response:
    """Return a redirect to a page of ours, which the browser gets by GET (RFC 9110 §15.4.4)."""
    headers = {
        "Location": f"{site().base_path}{path}{query(**changed)}",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Response(status=303, headers=headers)


def query(**changed: str | None) -> str:
    """Return the query that keeps language and frame, with changes: `?lang=ru`, or nothing."""
    kept = {name: request.args[name] for name in _KEPT if name in request.args}
    wanted = {name: value for name, value in {**kept, **changed}.items() if value is not None}
    return f"?{urlencode(wanted)}" if wanted else ""


def date_words(locale: Locale) -> Callable[[datetime], str]:
    """Return what writes the day of a moment: `January 2, 2026`."""
    return lambda moment: str(format_date(moment.astimezone(UTC), "long", locale=locale))


def _when(locale: Locale) -> Callable[[datetime], Markup]:
    """Write a moment in UTC; the script of the page writes it in the visitor's own time zone."""
    day = date_words(locale)

    def when(moment: datetime) -> Markup:
        words = f"{day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"
        return Markup('<time datetime="{}">{}</time>').format(rfc3339(moment), words)

    return when


def _size(locale: Locale, t: Texts) -> Callable[[int], str]:
    units = t("units").split()

    def size(count: int) -> str:
        power = min(len(units) - 1, max(0, len(str(count)) - 1) // 3)
        amount = format_decimal(round(count / 1000**power, 1), locale=locale)
        return f"{amount} {units[power]}"

    return size


def _lines(text: str) -> Markup:
    return Markup("<br>\n").join(escape(line) for line in text.splitlines())


def _asset_url(found: Site) -> Callable[[str], str]:
    return lambda name: f"{found.base_path}/support/assets/{name}?v={found.assets[name].tag}"


def _host_origin(found: Site) -> str | None:
    """Return the site that shows this frame, if it is one that may."""
    given = request.args.get("origin")
    return given if given in found.embed_origins else None
