"""What stands in the headers of our mails so that answers and bounces find their way back.

A reply address (`help+3k…@desk.example`) says which ticket an answer belongs to and to whom the
mail had gone, a bounce address (VERP) and a Message-ID which delivery came back. All are signed: a
number alone would let anybody write into any ticket, and have any address blocked. Base32, because
mail servers change the case of what is left of the @ (RFC 4648 section 6, without padding).
"""

import re
from base64 import b32decode, b32encode
from binascii import Error as NotBase32
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from shared.db.signing_keys import SigningKeys
from shared.domain.errors import BadToken
from shared.domain.ids import Prefix, is_id

#: 80 bits, and 32 that tell recipients of one ticket apart.
MAC_BYTES, RECIPIENT_BYTES = 10, 4
_ID_BYTES = 16
#: Characters of a reply token and of a bounce token; with `+` before it a local part of 64 (RFC
#: 5321 section 4.5.3.1.1) leaves 15 for the mailbox's own name.
REPLY_TOKEN_CHARS, BOUNCE_TOKEN_CHARS = 48, 42
MAX_MAILBOX_NAME = 64 - 1 - REPLY_TOKEN_CHARS

_REPLY, _BOUNCE, _MESSAGE = "mail-reply", "mail-bounce", "mail-message"
_MESSAGE_ID = re.compile(r"<?(tkt_[0-9a-f]{32})\.(dlv_[0-9a-f]{32})\.([a-z2-7]{16})@[^\s<>@]+>?")


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """Whose answer it is: the ticket, and a mark of the address that the mail had gone to."""

    ticket_id: str
    recipient_mark: bytes

    def was_for(self, address: str) -> bool:
        """Tell whether the mail had gone to this address, and was not forwarded."""
        return self.recipient_mark == _mark(address)


@dataclass(frozen=True, slots=True)
class MailTokens:
    """Makes and reads tokens."""

    signing: SigningKeys

    def reply(self, ticket_id: str, recipient: str) -> str:
        """Return what makes the reply address of a ticket for one recipient."""
        payload = _bytes_of(ticket_id) + _mark(recipient)
        return self._signed(_REPLY, payload)

    def read_reply(self, token: str) -> ReplyToken:
        """Return what a reply token says, in any case of letters; raises BadToken."""
        payload = self._read(_REPLY, token, _ID_BYTES + RECIPIENT_BYTES)
        ticket_id = f"{Prefix.TICKET}_{payload[:_ID_BYTES].hex()}"
        return ReplyToken(ticket_id, payload[_ID_BYTES:])

    def bounce(self, delivery_id: str) -> str:
        """Return what makes the envelope sender of a delivery."""
        return self._signed(_BOUNCE, _bytes_of(delivery_id))

    def read_bounce(self, token: str) -> str:
        """Return the delivery that a bounce token stands for; raises BadToken."""
        payload = self._read(_BOUNCE, token, _ID_BYTES)
        return f"{Prefix.DELIVERY}_{payload.hex()}"

    def message_id(self, ticket_id: str, delivery_id: str, domain: str) -> str:
        """Return the Message-ID of a delivery, the same each time; raises ValueError for no ids."""
        if not (is_id(ticket_id, Prefix.TICKET) and is_id(delivery_id, Prefix.DELIVERY)):
            raise ValueError("an id of the mail is not one of ours")
        said = f"{ticket_id}.{delivery_id}"
        mac = self.signing.mac(_MESSAGE, said)[:MAC_BYTES]
        return f"<{said}.{b32encode(mac).decode().lower()}@{domain}>"

    def read_message_id(self, text: str) -> tuple[str, str]:
        """Return ticket and delivery of a Message-ID of ours; raises BadToken."""
        found = _MESSAGE_ID.fullmatch(text.strip())
        if found:
            ticket_id, delivery_id, mac = found.groups()
            said = f"{ticket_id}.{delivery_id}"
            if self.signing.is_mac(_MESSAGE, said, b32decode(mac.upper())):
                return ticket_id, delivery_id
        message = "This Message-ID was not made here."
        raise BadToken(message)

    def delivery_of(self, addresses: Sequence[str], message_ids: Sequence[str]) -> str | None:
        """Return the delivery that a bounce is about, by the first token that is ours."""
        for address in addresses:
            with suppress(BadToken):
                return self.read_bounce(token_in(address) or "")
        for message_id in message_ids:
            with suppress(BadToken):
                return self.read_message_id(message_id)[1]
        return None

    def _signed(self, purpose: str, payload: bytes) -> str:
        mac = self.signing.mac(purpose, payload.hex())[:MAC_BYTES]
        return b32encode(payload + mac).decode().lower().rstrip("=")

    def _read(self, purpose: str, token: str, length: int) -> bytes:
        upper = token.upper()
        try:
            content = b32decode(upper + "=" * (-len(upper) % 8))
        except (NotBase32, ValueError):
            content = b""
        payload, mac = content[:length], content[length:]
        if len(mac) != MAC_BYTES or not self.signing.is_mac(purpose, payload.hex(), mac):
            message = "This mail address was not made here, or not for this."
            raise BadToken(message)
        return payload


def plus_address(mailbox: str, token: str) -> str:
    """Return `local+token@domain` of `local@domain`."""
    local, _, domain = mailbox.rpartition("@")
    return f"{local}+{token}@{domain}"


def token_in(address: str) -> str | None:
    """Return what stands between the last `+` and the @, or None."""
    _, plus, token = address.rpartition("@")[0].rpartition("+")
    return token if plus and token else None


def _bytes_of(identifier: str) -> bytes:
    return bytes.fromhex(identifier.partition("_")[2])


def _mark(address: str) -> bytes:
    return sha256(address.strip().lower().encode()).digest()[:RECIPIENT_BYTES]
