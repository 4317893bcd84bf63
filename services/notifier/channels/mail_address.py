"""Which mailboxes may be written to, and how they are written in a header.

Requesters type addresses and names themselves, so both are data from strangers: an address is
taken only in its plain form, a name is reduced to one line. Role mailboxes are refused, because
machines read them and answer, and two desks can keep each other busy for days.
"""

import re
from dataclasses import dataclass
from email.headerregistry import Address

from services.notifier.channels.base import PermanentFailure

# RFC 5322 section 3.2.3, dot-atom. Quoted local parts and non-ASCII ones (RFC 6531) are refused:
# too few servers take the one or the other.
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9-]{1,63})*")
_MAX_LOCAL_LENGTH, _MAX_ADDRESS_LENGTH, _MAX_NAME_LENGTH = 64, 254, 100

_MACHINE = re.compile(
    r"(^|[._+-])(no|do[._-]?not|dont|never)[._-]?reply($|[._+\d-])"
    r"|^(mailer-?daemon|postmaster|bounces?)($|[._+\d-])|^(abuse|root)$",
    re.IGNORECASE,
)


class InvalidMailbox(ValueError):
    """Not an address that mail can be sent to."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A checked mailbox: `address` is ASCII with an IDNA domain, `name` one line or empty."""

    name: str
    address: str

    def header(self) -> Address:
        """Return the form that an EmailMessage encodes safely, names in any script included."""
        return Address(display_name=self.name, addr_spec=self.address)


def parse_mailbox(address: str, name: str | None = None) -> Mailbox:
    """Check an address and tidy a display name; raises InvalidMailbox."""
    local, at, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidMailbox("the domain of the mail address is not valid") from None
    address = f"{local}@{domain}"
    if (
        not at
        or len(local) > _MAX_LOCAL_LENGTH
        or len(address) > _MAX_ADDRESS_LENGTH
        or not _LOCAL_PART.fullmatch(local)
        or not _DOMAIN.fullmatch(domain)
    ):
        raise InvalidMailbox("not a mail address that can be used")
    return Mailbox(one_line(name or "")[:_MAX_NAME_LENGTH], address)


def refuse_recipient(address: str) -> PermanentFailure | None:
    """Say why nothing may ever be mailed to `address`, or None when it may."""
    try:
        parse_mailbox(address)
    except InvalidMailbox as fault:
        return PermanentFailure(str(fault))
    if _MACHINE.search(address.rpartition("@")[0]):
        return PermanentFailure("the mailbox belongs to a machine, mail to it may loop")
    return None


def one_line(text: str) -> str:
    """Turn every run of white space and control characters into one space."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
