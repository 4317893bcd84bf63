"""The texts of the mails: one Jinja2 template for each kind and language, filled twice.

`<language>/<kind>.j2` says a mail once, in pieces (paragraph, facts, button); `layout.html` with
`parts.html` make a page of it and `layout.txt` with `parts.txt` plain text, so that the two never
say different things. A language is a folder. Files in an operator's folder take the place of ours,
one by one, and may add languages. What a template asks for has to exist (StrictUndefined): a mail
with a hole in it is worse than one that fails visibly.
"""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import css_inline
from babel import Locale, UnknownLocaleError
from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from services.notifier.channels.mail_address import one_line
from services.notifier.mail.brand import Brand
from services.notifier.mail.moments import clock_words
from shared.domain.delivery import AGENT_MAILS, AnyMail, OwnerMailKind

DEFAULT_FOLDER = Path(__file__).parent.parent / "templates"
FALLBACK_LANGUAGE = "en"
_MAX_SUBJECT_LENGTH = 150
_TEXT_WIDTH = 76
# Control characters and lone surrogates, which neither mail nor UTF-8 can carry.
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}")


class BrokenTemplate(Exception):
    """A template cannot be filled; the text says which, where and why, for the operator."""


@dataclass(frozen=True, slots=True)
class MailText:
    """A filled mail: subject without the ticket number, both bodies, and their language."""

    subject: str
    text: str
    html: str
    language: str


class MailTemplates:
    """Finds and fills templates; keeps what it compiled.

    `folder` is the operator's, if there is one; what it lacks is taken from ours.
    """

    def __init__(self, folder: Path | None = None, brand: Brand | None = None) -> None:
        folders = [folder, DEFAULT_FOLDER] if folder else [DEFAULT_FOLDER]
        self._languages = frozenset(
            entry.name for each in folders for entry in each.iterdir() if entry.is_dir()
        )
        self._brand = brand or Brand()
        self._html = _environment(folders, escapes=True)
        self._text = _environment(folders, escapes=False)
        # Only what is in @media stays in a sheet; nothing is fetched from anywhere.
        self._inliner = css_inline.CSSInliner(
            keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False
        )

    def fill(
        self,
        kind: AnyMail,
        locale: str | None,
        values: Mapping[str, Any],
        zone: str = "UTC",
    ) -> MailText:
        """Fill the templates of one mail in the best language there is for `locale`.

        Besides `values` a template has `when`, which writes an RFC 3339 time in words in the time
        zone `zone`, `words`, `parts`, `brand`, `audience` and `language`. Raises BrokenTemplate.
        """
        language, wanted = self._choose(kind, locale)
        shared = {
            **values,
            "when": clock_words(wanted, zone),
            "language": language,
            "brand": self._brand,
            "audience": _audience(kind),
        }
        name = f"{language}/{kind}.j2"
        try:
            text_template, text = self._template(self._text, "txt", name, shared)
            html_template, html = self._template(self._html, "html", name, shared)
            subject = one_line("".join(_block(text_template, "subject", text)))
            page = self._inliner.inline(_sendable(html_template.render(html)))
            plain = _BLANK_LINES.sub("\n\n", _sendable(text_template.render(text))).strip()
        except Exception as fault:
            # A template may do anything wrong that an expression can; it is never ours.
            raise BrokenTemplate(_what_is_wrong(name, fault)) from fault
        return MailText(_sendable(subject)[:_MAX_SUBJECT_LENGTH], plain + "\n", page, language)

    def _template(
        self, environment: ImmutableSandboxedEnvironment, form: str, name: str, values: Any
    ) -> tuple[Template, dict[str, Any]]:
        language = values["language"]
        made_of = {
            "layout": f"layout.{form}",
            "parts": environment.get_template(f"parts.{form}").module,
            "words": environment.get_template(f"{language}/words.j2").module,
        }
        return environment.get_template(name), {**values, **made_of}

    def _choose(self, kind: AnyMail, locale: str | None) -> tuple[str, Locale]:
        """Fall back from `ru-RU` over `ru` to `en`; the region still decides how dates look.

        A language that has no template of this kind is passed over.
        """
        try:
            wanted = Locale.parse((locale or FALLBACK_LANGUAGE).replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            wanted = Locale(FALLBACK_LANGUAGE)
        for language in (str(wanted), wanted.language):
            if language in self._languages and self._has(f"{language}/{kind}.j2"):
                return language, wanted
        return FALLBACK_LANGUAGE, Locale(FALLBACK_LANGUAGE)

    def _has(self, name: str) -> bool:
        try:
            self._text.get_template(name)
        except TemplateNotFound as missing:
            return missing.name != name
        except TemplateError:
            return True
        return True


def _audience(kind: AnyMail) -> str:
    if isinstance(kind, OwnerMailKind):
        return "owner"
    return "agent" if kind in AGENT_MAILS else "requester"


def _environment(folders: list[Path], *, escapes: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=escapes,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["quoted"] = _quoted
    environment.filters["lines"] = _lines
    environment.filters["wrapped"] = _wrapped
    return environment


def _block(template: Template, name: str, values: Mapping[str, Any]) -> list[str]:
    if name not in template.blocks:
        message = f"it has no block `{name}`"
        raise ValueError(message)
    return list(template.blocks[name](template.new_context(dict(values))))


def _what_is_wrong(name: str, fault: Exception) -> str:
    at = f"{fault.name}:{fault.lineno}" if isinstance(fault, TemplateSyntaxError) else name
    return one_line(f"the mail template {at} cannot be filled: {type(fault).__name__}: {fault}")


def _sendable(text: str) -> str:
    return _UNSENDABLE.sub("", text)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _lines(text: str) -> Markup:
    return Markup("<br>\n").join(escape(line) for line in text.splitlines())


def _wrapped(text: str) -> str:
    """Set a paragraph anew; words that are longer than a line, such as URLs, stay whole."""
    return textwrap.fill(
        " ".join(text.split()), _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False
    )
