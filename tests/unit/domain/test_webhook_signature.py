"""Signatures against the published vector and against an independent receiver."""

import base64
from datetime import UTC, datetime
from random import Random

import pytest
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.domain.webhook_signature import (
    InvalidSecret,
    new_key_pair,
    new_secret,
    require_strong,
    sign,
    signature_headers,
)

#: The vector of the asymmetric scheme that senders and receivers share (svix-webhooks, worker.rs).
PRIVATE = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="

BODY = b'{"type":"ticket.created","data":{}}'


def test_the_published_vector_is_reproduced() -> None:
    entry = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert entry == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_independent_receiver_accepts_a_message() -> None:
    secret = new_secret()
    headers = signature_headers([secret], "evt_1", _now(), BODY)
    assert standardwebhooks.Webhook(secret).verify(BODY, headers)


def test_while_a_secret_is_rotated_holders_of_the_old_and_of_the_new_one_accept() -> None:
    old, new = new_secret(), new_secret()
    headers = signature_headers([new, old], "evt_1", _now(), BODY)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt_2"},
        {"webhook-timestamp": "1"},
        {"webhook-signature": "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    ],
)
def test_a_receiver_refuses_a_message_that_was_changed(change: dict[str, str]) -> None:
    secret = new_secret()
    headers = signature_headers([secret], "evt_1", _now(), BODY) | change
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(BODY, headers)


def test_a_receiver_refuses_another_body() -> None:
    secret = new_secret()
    headers = signature_headers([secret], "evt_1", _now(), BODY)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(BODY + b" ", headers)


def test_secrets_are_never_the_same_and_hold_32_bytes() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"))) == 32 for secret in secrets)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "whsec_" + "A" * 8])
def test_a_bad_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(InvalidSecret) as fault:
        sign(secret, "evt_1", 1, BODY)
    assert "not base64" not in str(fault.value)


def test_an_id_with_a_dot_is_refused_because_the_signed_text_would_be_ambiguous() -> None:
    with pytest.raises(ValueError, match="dot"):
        sign(new_secret(), "evt.1", 1, BODY)


def test_a_message_is_never_sent_unsigned() -> None:
    with pytest.raises(ValueError, match="unsigned"):
        signature_headers([], "evt_1", 1, BODY)


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_shared_vector_of_the_asymmetric_scheme_is_reproduced() -> None:
    entry = sign(
        f"whsk_{PRIVATE}", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert entry == (
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    )


def test_whoever_has_the_public_key_verifies_and_a_changed_message_fails() -> None:
    private, public = new_key_pair()
    assert (private[:5], public[:5]) == ("whsk_", "whpk_")
    scheme, _, encoded = sign(private, "evt_1", 1700000000, BODY).partition(",")
    assert scheme == "v1a"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    signature = base64.b64decode(encoded)
    key.verify(signature, b"evt_1.1700000000." + BODY)
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"evt_1.1700000001." + BODY)


def test_both_schemes_sign_side_by_side_and_receivers_of_v1_pass_v1a_over() -> None:
    secret, (private, _) = new_secret(), new_key_pair()
    headers = signature_headers([private, secret], "evt_1", _now(), BODY)
    entries = headers["webhook-signature"].split(" ")
    assert [each.partition(",")[0] for each in entries] == ["v1a", "v1"]
    assert standardwebhooks.Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize(
    "key",
    ["", "AAAA", "!", PRIVATE[:-4] + "AAAA", base64.b64encode(bytes(64)).decode()],
    ids=["empty", "short", "not base64", "foreign public key", "no pair"],
)
def test_a_private_key_that_is_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(InvalidSecret) as refusal:
        sign(f"whsk_{key}", "evt_1", 1, BODY)
    assert not key or key not in str(refusal.value)


#: The same in every process that collects these tests.
CHANCE = Random(1)


def own(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_random_secret_that_somebody_brings_is_strong(size: int) -> None:
    for _ in range(200):
        require_strong(own(CHANCE.randbytes(size)))
    require_strong(own(CHANCE.randbytes(size // 2).hex().encode()))


@pytest.mark.parametrize(
    "secret",
    [
        own(CHANCE.randbytes(23)),
        own(CHANCE.randbytes(65)),
        own(b""),
        own(b"\x00" * 32),
        own(bytes(range(32))),
        own(bytes(range(0, 160, 5))),
        own(bytes(range(32, 0, -1))),
        own(CHANCE.randbytes(12) * 2),
        own(CHANCE.randbytes(8) * 8),
        own(b"abcabcabcabcabcabcabcabcabc"),
        own(b"\x01\x02" * 16),
        own(CHANCE.randbytes(32)).removeprefix("whsec_"),
        f"whsk_{PRIVATE}",
        own(CHANCE.randbytes(32)) + "\n",
        own(CHANCE.randbytes(32)).rstrip("="),
        "whsec_" + "-_" * 20,
        "whsec_correct horse battery staple, of 24 bytes",
    ],
)
def test_a_secret_that_is_short_or_can_be_guessed_is_not(secret: str) -> None:
    with pytest.raises(InvalidSecret) as refused:
        require_strong(secret)
    assert secret not in str(refused.value)
