"""Who a requester is known as: addresses in the one form in which they are compared.

Pure. The form shown to people is the one they gave; this is the form of which there is only one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import phonenumbers


class IdentityKind(StrEnum):
    """What identifies a requester, the strongest first.

    An external id names one person in somebody's system, an e-mail address nearly always does, a
    telephone may be shared by an office.
    """

    EXTERNAL_ID = "external_id"
    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """One address, normalised; at most one requester has it."""

    kind: IdentityKind
    value: str


def identities_of(person: Mapping[str, Any]) -> tuple[Identity, ...]:
    """Return what a person gave that identifies them, the strongest first.

    `person` may have `external_id`, `email` and `phone`. A telephone number that cannot be parsed
    is kept as it was given and identifies nobody: many callers are “withheld” or “extension 12”.
    """
    found = [identity_of(kind, person.get(kind.value)) for kind in _KINDS]
    return tuple([identity for identity in found if identity is not None])


@lru_cache(maxsize=4096)
def identity_of(kind: IdentityKind, given: str | None) -> Identity | None:
    """Return an address as it is compared, or None if it identifies nobody."""
    if not given:
        return None
    value = _NORMAL_FORMS[kind](given)
    return Identity(kind, value) if value else None


def normal_email(given: str) -> str:
    """Return an e-mail address in lower case, its domain as DNS has it (RFC 5891).

    The part before the @ may tell cases apart (RFC 5321 §2.4); no provider does, and people do not
    write it the same way twice.
    """
    name, _, domain = given.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        # A domain that DNS could not have; it is compared as it is.
        return f"{name}@{domain}"
    return f"{name}@{domain}"


def e164(given: str | None) -> str | None:
    """Return a telephone number in the form of ITU-T E.164, `+442079460000`, if it has one.

    A number without its country, such as `020 7946 0000`, has none.
    """
    number = _parsed(given)
    if number is None:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_phone(given: str) -> str | None:
    """Return E.164 with the extension as in RFC 3966: behind one number sit many people."""
    number = _parsed(given)
    if number is None:
        return None
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


def _parsed(given: str | None) -> phonenumbers.PhoneNumber | None:
    if not given:
        return None
    try:
        number = phonenumbers.parse(given, None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


_KINDS = tuple(IdentityKind)

_NORMAL_FORMS: dict[IdentityKind, Callable[[str], str | None]] = {
    IdentityKind.EXTERNAL_ID: str,
    IdentityKind.EMAIL: normal_email,
    IdentityKind.PHONE: normal_phone,
}
