"""Signatures, checked by dkimpy, which shares no code with them."""

import base64
from hashlib import sha256
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.signature import DkimSigner
from services.notifier.mail.templates import MailTemplates
from shared.domain.delivery import MailKind
from tests.mail_events import RUSSIAN, event, facts, recipient

RENDERER = MailRenderer(MailTemplates(), sender="Support <support@desk.example>")
RSA = rsa.generate_private_key(65537, 1024)


def pem(folder: Path, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> Path:
    path = folder / "dkim.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return path


def mail(kind: MailKind, language: str) -> bytes:
    changed = RUSSIAN if language == "ru" else {}
    url = "https://help.example.com/u/token"
    known = facts(kind, locale=language, unsubscribe_url=url)
    found = RENDERER.render(kind, recipient(kind), event(kind, **changed), known)
    assert isinstance(found, RenderedMail)
    return found.message


def dns(name: bytes, **_: object) -> bytes:
    assert name == b"desk2026._domainkey.desk.example."
    public = RSA.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", list(MailKind))
def test_an_independent_verifier_accepts_every_mail(
    tmp_path: Path, kind: MailKind, language: str
) -> None:
    signer = DkimSigner(pem(tmp_path, RSA), "desk2026", "desk.example")
    signed = signer.signed(mail(kind, language))
    assert dkim.verify(signed, dnsfunc=dns, minkey=1024)
    assert signed == signer.signed(mail(kind, language))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"Subject: Urgent "),
        (b"example.com/u/", b"example.net/u/"),
        (b"To: ", b"From: boss@desk.example\r\nTo: "),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Clicks"),
    ],
)
def test_whatever_is_changed_or_added_on_the_way_is_noticed(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    signed = DkimSigner(pem(tmp_path, RSA), "desk2026", "desk.example").signed(
        mail(MailKind.RATING_REQUESTED, "en")
    )
    assert dkim.verify(signed, dnsfunc=dns, minkey=1024)
    assert not dkim.verify(signed.replace(old, new, 1), dnsfunc=dns, minkey=1024)


def test_an_ed25519_key_signs_the_hash(tmp_path: Path) -> None:
    """RFC 8463; read back by hand, because dkimpy needs another library for it."""
    key = ed25519.Ed25519PrivateKey.generate()
    content = b"From: a@desk.example\r\nSubject:  x\r\n y\r\n\r\nHello  \r\n\r\n"
    signed = DkimSigner(pem(tmp_path, key), "s", "desk.example").signed(content)
    assert b"a=ed25519-sha256" in signed
    line = signed.partition(b"\r\nFrom:")[0]
    tags, _, signature = line.partition(b" b=")
    canonical = b"from:a@desk.example\r\nsubject:x y\r\n"
    unfolded = tags.replace(b"\r\n", b"").removeprefix(b"DKIM-Signature: ")
    canonical += b"dkim-signature:" + unfolded + b" b="
    key.public_key().verify(
        base64.b64decode(signature.replace(b"\r\n ", b"")), sha256(canonical).digest()
    )


def test_a_file_that_is_no_key_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read"):
        DkimSigner(tmp_path / "nowhere.pem", "s", "desk.example")
    curve = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ValueError, match="neither RSA"):
        DkimSigner(pem(tmp_path, curve), "s", "desk.example")  # type: ignore[arg-type]
