"""The texts of the mails: Jinja2 templates by language, filled from an event.

`<folder>/<language>/<mail>.{subject.txt,txt,html}`. A language is a folder, so an operator adds one
by adding files. What a template asks for has to exist (StrictUndefined): a mail with a hole in it
is worse than a delivery that fails visibly.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from services.notifier.channels.mail_address import one_line
from shared.domain.delivery import MailKind

DEFAULT_FOLDER = Path(__file__).parent.parent / "templates"
FALLBACK_LANGUAGE = "en"
_MAX_SUBJECT_LENGTH = 150
# Control characters and lone surrogates, which neither mail nor UTF-8 can carry.
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class MailText:
    """A filled mail: subject without the ticket number, both bodies, and their language."""

    subject: str
    text: str
    html: str
    language: str


class MailTemplates:
    """Finds and fills templates; reads `folder` at construction and keeps what it compiled."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self._languages = frozenset(entry.name for entry in folder.iterdir() if entry.is_dir())
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(("html",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters["quoted"] = _quoted
        self._environment.filters["lines"] = _lines

    def fill(self, kind: MailKind, locale: str | None, values: Mapping[str, Any]) -> MailText:
        """Fill the templates of one mail in the best language there is for `locale`.

        Besides `values` a template has `when`, which writes an RFC 3339 time in words, in UTC.
        Raises jinja2.TemplateError when a template is missing or asks for what is not there.
        """
        language, wanted = self._choose(locale)
        context = {**values, "when": _clock_words(wanted), "language": language}

        def filled(suffix: str) -> str:
            template = self._environment.get_template(f"{language}/{kind}.{suffix}")
            return _UNSENDABLE.sub("", template.render(context))

        subject = one_line(filled("subject.txt"))[:_MAX_SUBJECT_LENGTH]
        return MailText(subject, filled("txt").strip() + "\n", filled("html"), language)

    def _choose(self, locale: str | None) -> tuple[str, Locale]:
        """Fall back from `ru-RU` over `ru` to `en`; the region still decides how dates look."""
        try:
            wanted = Locale.parse((locale or FALLBACK_LANGUAGE).replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            wanted = Locale(FALLBACK_LANGUAGE)
        for language in (str(wanted), wanted.language):
            if language in self._languages:
                return language, wanted
        return FALLBACK_LANGUAGE, Locale(FALLBACK_LANGUAGE)


def _clock_words(locale: Locale) -> Callable[[str], str]:
    def when(moment: str) -> str:
        """`2026-01-02T03:04:05Z` becomes `January 2, 2026, 03:04 UTC`."""
        utc = datetime.fromisoformat(moment).astimezone(UTC)
        return f"{format_date(utc, 'long', locale=locale)}, {utc:%H:%M} UTC"

    return when


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _lines(text: str) -> Markup:
    return Markup("<br>\n").join(escape(line) for line in text.splitlines())
