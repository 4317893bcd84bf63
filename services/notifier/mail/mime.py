"""The MIME form of a mail, written out: two bodies, and files beside them.

By hand, because `email.message` is slow at what is the same each time, and chooses boundaries by
chance (ADR 0026). What people may have written, in names, subjects and file names, is encoded by
`email`. Everything is ASCII: a relay without 8BITMIME would have to rewrite it and break its
signature.
"""

import quopri
from base64 import encodebytes
from collections.abc import Sequence
from email import policy
from email.message import MIMEPart
from hashlib import sha256

from services.notifier.mail.facts import MailFile

POLICY = policy.SMTP.clone(cte_type="7bit")
_MAX_LINE = 990


def header(name: str, value: object) -> bytes:
    """Return one header, encoded and folded (RFC 2047, RFC 5322), with CRLF.

    Raises ValueError for a value with line breaks.
    """
    return POLICY.fold_binary(name, POLICY.header_store_parse(name, value)[1])


def bodies(seed: str, text: str, html: str, files: Sequence[MailFile]) -> bytes:
    """Return Content-Type and content of a mail; boundaries follow from `seed`.

    `files` without content are left out: they are links in the bodies.
    """
    alternative = _multipart(
        "alternative", f"{seed}/1", [_text("plain", text), _text("html", html)]
    )
    attached = [_file(file) for file in files if file.content is not None]
    if not attached:
        return b"MIME-Version: 1.0\r\n" + alternative
    return b"MIME-Version: 1.0\r\n" + _multipart("mixed", f"{seed}/0", [alternative, *attached])


def _multipart(subtype: str, seed: str, parts: Sequence[bytes]) -> bytes:
    boundary = "=_" + sha256(seed.encode()).hexdigest()[:32]
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
    line = f"--{boundary}\r\n".encode()
    return head + b"".join(line + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def _text(subtype: str, content: str) -> bytes:
    raw = content.replace("\r\n", "\n").encode()
    if raw.isascii() and max(map(len, raw.split(b"\n"))) <= _MAX_LINE:
        encoding, body = "7bit", raw
    elif sum(byte > 126 for byte in raw) * 6 < len(raw):
        encoding, body = "quoted-printable", quopri.encodestring(raw)
    else:
        # A canonical text has CRLF before it is encoded (RFC 2045 section 6.8).
        encoding, body = "base64", encodebytes(raw.replace(b"\n", b"\r\n"))
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}"
    return head.encode() + b"\r\n\r\n" + body.replace(b"\n", b"\r\n")


def _file(file: MailFile) -> bytes:
    part = MIMEPart(policy=POLICY)
    main, _, sub = file.media_type.partition("/")
    part.set_content(
        file.content,
        maintype=main,
        subtype=sub or "octet-stream",
        filename=file.name,
        disposition="attachment",
    )
    return part.as_bytes()
