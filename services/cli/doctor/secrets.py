"""What must never be printed: passwords in URLs and keys, wherever they may turn up."""

import re
from collections.abc import Iterable
from dataclasses import fields
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.domain.sealing import PLAIN
from shared.settings import PREFIX, Settings

HIDDEN = "***"

#: A shorter secret is hidden in URLs only: it is part of too many words.
SHORTEST = 4

#: Passwords that everybody knows are no secrets, and words of this program besides; in URLs they
#: are hidden like any other.
DEFAULTS = ("patchbay", "postgres", "guest", "password", "secret")

#: Settings that are secrets as a whole, and names of options of URLs that are.
_SECRET_SETTINGS = ("storage_s3_secret_access_key",)
_SECRET_OPTION = re.compile(r"pass|secret|token|key", re.IGNORECASE)


def secrets_of(settings: Settings) -> list[str]:
    """Return every secret that the settings hold, the longest first."""
    found: set[str] = {getattr(settings, name) for name in _SECRET_SETTINGS}
    found.update(settings.secret_keys.replace(",", " ").split())
    found.discard(PLAIN)
    for field in fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, str) and "://" in value:
            found.update(_of_url(value))
    return sorted((each for each in found if len(each) >= SHORTEST), key=len, reverse=True)


def _of_url(url: str) -> Iterable[str]:
    try:
        parts = urlsplit(url)
        password = parts.password or ""
    except ValueError:
        return
    if password not in (*DEFAULTS, parts.username):
        yield password
        yield unquote(password)
    for name, value in parse_qsl(parts.query):
        if _SECRET_OPTION.search(name):
            yield value


def censored(text: str, secrets: Iterable[str]) -> str:
    """Return a text without the secrets, as they are and as URLs have them."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    # Whatever else looks like a URL with a password in it.
    return re.sub(r"(://[^/\s:@]*:)[^@/\s]+@", rf"\g<1>{HIDDEN}@", text)


def shown_settings(settings: Settings) -> dict[str, str]:
    """Return every setting as text, by the name of its variable, without secrets."""
    hidden = secrets_of(settings)
    return {
        PREFIX + field.name.upper(): censored(_text(getattr(settings, field.name)), hidden)
        for field in fields(settings)
    }


def _text(value: object) -> str:
    if isinstance(value, tuple | frozenset):
        return ",".join(
            sorted(map(str, value)) if isinstance(value, frozenset) else map(str, value)
        )
    return "" if value is None else str(value)
