"""Conditional requests (RFC 9110 §13): entity tags, If-Match and If-None-Match."""

import re

from flask import Response, request

from shared.domain.errors import MalformedRequest, PreconditionRequired, VersionMismatch

#: RFC 9110 §8.8.3: entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE.
_TAG = r'(?:W/)?"[!#-~]*"'
_TAGS = re.compile(_TAG)
#: §5.6.1: a list may have empty elements.
_LIST = rf"(?:,[ \t]*)*{_TAG}(?:[ \t]*,(?:[ \t]*{_TAG})?)*"
#: What If-Match and If-None-Match look like, in JSON Schema.
FORM = {"anyOf": [{"type": "string", "const": "*"}, {"type": "string", "pattern": f"^{_LIST}$"}]}
_FORM = re.compile(rf"\*|{_LIST}")
_HEADERS = ("If-Match", "If-None-Match")
ANY = "*"


def check_form() -> None:
    """Raise MalformedRequest if a condition of the request cannot be read, or is empty."""
    for header in _HEADERS:
        given = request.headers.get(header)
        if given is not None and not _FORM.fullmatch(given.strip(" \t")):
            message = (
                f'{header} must be *, or entity tags in double quotes such as "3", with commas.'
            )
            raise MalformedRequest(message)


def etag(version: int) -> str:
    """Return a version as a strong entity tag."""
    return f'"{version}"'


def require_version(version: int, noun: str = "ticket") -> None:
    """Check If-Match as `check_version` does, and raise PreconditionRequired if there is none."""
    if "If-Match" not in request.headers:
        message = (
            f"Say which version of the {noun} you change: send If-Match with the ETag of a GET "
            f'({etag(version)} now), or "If-Match: *" to change whatever is there.'
        )
        raise PreconditionRequired(message, version=version)
    check_version(version, noun)


def check_version(version: int, noun: str = "ticket") -> None:
    """Raise VersionMismatch if If-Match or If-None-Match forbid a change at this version.

    If-Match compares strongly, so a weak tag never matches; If-None-Match weakly (§13.1).
    """
    wanted = _tags("If-Match")
    if wanted is not None and ANY not in wanted and etag(version) not in wanted:
        message = f"The {noun} is at version {version} now; read it again and repeat the change."
        raise VersionMismatch(message, version=version)
    if _none_matches_fails(etag(version)):
        message = f"The {noun} is there, at version {version}, and If-None-Match forbids that."
        raise VersionMismatch(message, version=version)


def check_absent(noun: str) -> None:
    """Raise VersionMismatch if If-Match asks for a version of what is not there."""
    if _tags("If-Match") is not None:
        message = f"The {noun} is not there; leave If-Match out to make it."
        raise VersionMismatch(message)


def not_modified(response: Response) -> bool:
    """Tell whether the caller of a GET or HEAD has this answer already (§13.1.2)."""
    tag = response.headers.get("ETag")
    return tag is not None and _none_matches_fails(tag)


def _none_matches_fails(tag: str) -> bool:
    unwanted = _tags("If-None-Match")
    if unwanted is None:
        return False
    return ANY in unwanted or tag.removeprefix("W/") in {
        each.removeprefix("W/") for each in unwanted
    }


def _tags(header: str) -> frozenset[str] | None:
    """Return the tags of a header that `check_form` has let through."""
    given = request.headers.get(header)
    if given is None:
        return None
    if given.strip() == ANY:
        return frozenset({ANY})
    return frozenset(_TAGS.findall(given))
