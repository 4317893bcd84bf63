"""DKIM: signs mails with the desk's own key, where no relay does (RFC 6376, RFC 8463).

Written here and not taken from dkimpy because that computes RSA in Python (ADR 0026); its verifier
checks this one in the tests. No `t=`: the same mail has the same bytes.
"""

import base64
import re
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

#: What a reader or an answer goes by, of which nothing may be changed. From is named once more than
#: it is there, so that none can be added (RFC 6376 section 8.15).
SIGNED = (
    *("from", "to", "subject", "date", "message-id", "in-reply-to", "references"),
    *("reply-to", "mime-version", "content-type", "content-language", "auto-submitted"),
    *("list-unsubscribe", "list-unsubscribe-post"),
)
MIN_RSA_BITS = 1024
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_SPACES = re.compile(rb"[ \t]+")
_SPACES_AT_END = re.compile(rb"[ \t]+(?=\r\n)")
_LINE_CHARS = 72

Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class DkimSigner:
    """Signs as `selector._domainkey.domain`, with an RSA or Ed25519 key from a PEM file.

    Raises ValueError if the file holds no such key.
    """

    def __init__(self, key_file: Path, selector: str, domain: str) -> None:
        self._key = _read_key(key_file)
        self._selector, self._domain = selector, domain

    def signed(self, message: bytes) -> bytes:
        """Return a message, with CRLF lines, and its signature in front of it."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = [name for name in SIGNED if name in fields]
        algorithm = "rsa-sha256" if isinstance(self._key, rsa.RSAPrivateKey) else "ed25519-sha256"
        tags = (
            f"v=1; a={algorithm}; c=relaxed/relaxed; d={self._domain}; s={self._selector};\r\n"
            f" h={':'.join([*names, 'from'])};\r\n bh={_digest(_relaxed_body(body))}; b="
        )
        signed = b"".join(fields[name] + b"\r\n" for name in names)
        signature = self._sign(signed + _relaxed(b"DKIM-Signature: " + tags.encode()))
        lines = "\r\n ".join(
            signature[i : i + _LINE_CHARS] for i in range(0, len(signature), _LINE_CHARS)
        )
        return f"DKIM-Signature: {tags}{lines}\r\n".encode() + message

    def _sign(self, content: bytes) -> str:
        if isinstance(self._key, rsa.RSAPrivateKey):
            made = self._key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        else:
            # RFC 8463 section 3: what is signed is the hash.
            made = self._key.sign(sha256(content).digest())
        return base64.b64encode(made).decode()


def _fields(head: bytes) -> dict[str, bytes]:
    lines = _FOLD.sub(b"", head).split(b"\r\n")
    return {line.partition(b":")[0].strip().lower().decode(): _relaxed(line) for line in lines}


def _relaxed(line: bytes) -> bytes:
    """RFC 6376 section 3.4.2."""
    name, _, value = _FOLD.sub(b"", line).partition(b":")
    return name.strip().lower() + b":" + _SPACES.sub(b" ", value).strip(b" \t")


def _relaxed_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4."""
    plain = _SPACES.sub(b" ", _SPACES_AT_END.sub(b"", body)).rstrip(b"\r\n")
    return plain + b"\r\n" if plain else b""


def _digest(content: bytes) -> str:
    return base64.b64encode(sha256(content).digest()).decode()


def _read_key(path: Path) -> Key:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, TypeError) as fault:
        raise ValueError(f"the DKIM key {path} cannot be read: {fault}") from fault
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    raise ValueError(f"the DKIM key {path} is neither RSA of {MIN_RSA_BITS} bits nor Ed25519")
