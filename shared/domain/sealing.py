"""Sealing: what must not be readable in the database, or in a copy of it that gets away.

AES-256-GCM (NIST SP 800-38D) under a key of the installation. A sealed text is

    pbs1.<which key>.<base64url of nonce, ciphertext and tag>

The purpose (where the text is kept) is authenticated with it, so that what was sealed for one
column opens in no other. Nonces are 96 random bits: good for 2^32 texts under one key, far beyond
what a desk has secrets.
"""

import binascii
import hashlib
import os
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.errors import SecretUnreadable

KEY_BYTES = 32
#: In place of a key: what is written is not sealed, and what is sealed is read by the other keys.
PLAIN = "plain"

_MARK = "pbs1."
_NONCE_BYTES = 12
_ID_CHARS = 8
_KEPT_OPEN = 4096


@dataclass(frozen=True)
class SealingKey:
    """A key; it shows itself by the beginning of a hash and never by what it is."""

    secret: bytes

    def __repr__(self) -> str:
        return f"SealingKey({self.id})"

    @cached_property
    def id(self) -> str:
        """Return 8 hexadecimal digits that tell it from the others."""
        return hashlib.sha256(b"patchbay.sealing-key." + self.secret).hexdigest()[:_ID_CHARS]

    @cached_property
    def cipher(self) -> AESGCM:
        """Return what seals and opens."""
        return AESGCM(self.secret)


class Keyring:
    """Seals by its first key and opens by any of them; without keys it leaves texts as they are."""

    def __init__(self, keys: Sequence[SealingKey] = (), *, plain: bool = False) -> None:
        self._keys = {key.id: key for key in keys}
        self._sealing = None if plain or not keys else keys[0]
        #: Whether somebody said that nothing is to be sealed.
        self.plain = plain
        # An endpoint's secret signs thousands of messages, and opening it takes longer than that.
        self._open: dict[tuple[str, str], str] = {}

    @property
    def sealing(self) -> SealingKey | None:
        """The key that seals; None if nothing is sealed."""
        return self._sealing

    @property
    def sealing_id(self) -> str | None:
        """The id of the key that seals, if there is one yet. Makes none."""
        return None if self._sealing is None else self._sealing.id

    @property
    def seals(self) -> bool:
        """Whether a new secret would be sealed, if by a key that is yet to be made. Makes none."""
        return self._sealing is not None

    def key(self, key_id: str) -> SealingKey | None:
        """Return a key by its id, if it is here."""
        return self._keys.get(key_id)

    def seal(self, purpose: str, text: str) -> str:
        """Return a text as it is to be kept."""
        key = self.sealing
        if key is None:
            return text
        nonce = os.urandom(_NONCE_BYTES)
        sealed = key.cipher.encrypt(nonce, text.encode(), _bound(key.id, purpose))
        return f"{_MARK}{key.id}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, purpose: str, kept: str) -> str:
        """Return the text of what is kept; one that was never sealed is returned as it is.

        Raises SecretUnreadable for one that is sealed by a key that is not here, or was changed.
        """
        key_id = key_of(kept)
        if key_id is None:
            return kept
        known = self._open.get((purpose, kept))
        if known is None:
            if len(self._open) >= _KEPT_OPEN:
                self._open.clear()
            known = self._open[purpose, kept] = self._decrypted(purpose, key_id, kept)
        return known

    def _decrypted(self, purpose: str, key_id: str, kept: str) -> str:
        key = self.key(key_id)
        if key is None:
            message = (
                f"{purpose} is sealed by the key {key_id}, which this process does not have; "
                "add it to PATCHBAY_SECRET_KEYS, or bring its key file back."
            )
            raise SecretUnreadable(message)
        try:
            sealed = urlsafe_b64decode(kept[len(_MARK) + _ID_CHARS + 1 :])
            bound = _bound(key_id, purpose)
            return key.cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound).decode()
        except (InvalidTag, ValueError) as error:
            message = (
                f"{purpose} is not what the key {key_id} sealed: somebody changed it, or it was "
                "moved there from elsewhere. Restore it from a backup."
            )
            raise SecretUnreadable(message) from error


def is_sealed(kept: object) -> bool:
    """Tell whether something that is kept is a sealed text."""
    return isinstance(kept, str) and kept.startswith(_MARK)


def key_of(kept: str) -> str | None:
    """Return the id of the key that a text was sealed by; None for one that is not sealed."""
    return kept[len(_MARK) : len(_MARK) + _ID_CHARS] if kept.startswith(_MARK) else None


def new_key() -> str:
    """Return a fresh key as it is written in settings and files."""
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def parse_keyring(text: str) -> Keyring:
    """Read keys, separated by commas or white space, the newest first.

    Each is the base64 of 32 random bytes. The word `plain` in the first place means that nothing
    is sealed any more. Raises ValueError with the way out, and never with a key in it.
    """
    words = text.replace(",", " ").split()
    plain = bool(words) and words[0] == PLAIN
    keys = [_parse(number, word) for number, word in enumerate(words, start=1) if word != PLAIN]
    if PLAIN in words[1:]:
        raise ValueError(f"{PLAIN} stands in the first place or nowhere")
    if len({key.id for key in keys}) < len(keys):
        raise ValueError("a key is there twice")
    return Keyring(keys, plain=plain)


def _parse(number: int, word: str) -> SealingKey:
    try:
        secret = b64decode(word.translate({ord("-"): "+", ord("_"): "/"}), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        message = (
            f"key {number} is not the base64 of {KEY_BYTES} bytes; "
            "make one by: patchbay keys new-secret-key"
        )
        raise ValueError(message)
    if len(set(secret)) < KEY_BYTES // 4:
        raise ValueError(f"key {number} can be guessed; make one by: patchbay keys new-secret-key")
    return SealingKey(secret)


def _bound(key_id: str, purpose: str) -> bytes:
    return f"{_MARK}{key_id}.{purpose}".encode()
