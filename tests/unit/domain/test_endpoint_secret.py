"""Secrets of endpoints take over from each other with an overlap."""

from datetime import timedelta

from shared.domain import endpoint_secret
from shared.domain.subscription import SigningScheme
from tests.factories import NOW

HOUR = timedelta(hours=1)


def test_the_old_secret_signs_beside_the_new_one_until_the_overlap_ends() -> None:
    old = endpoint_secret.make(SigningScheme.V1, NOW)
    new = endpoint_secret.make(SigningScheme.V1A, NOW + HOUR)
    secrets = endpoint_secret.rotated([old], new, NOW + HOUR, 24 * HOUR)

    def signing(hours: float) -> list[str]:
        found = endpoint_secret.in_force(secrets, NOW + hours * HOUR)
        return [each["id"] for each in found]

    assert signing(1) == [new["id"], old["id"]]
    assert signing(24.9) == [new["id"], old["id"]]
    assert signing(25) == [new["id"]]
    assert signing(10_000) == [new["id"]]


def test_without_an_overlap_the_old_secret_ends_at_once() -> None:
    old, new = (endpoint_secret.make(SigningScheme.V1, NOW) for _ in range(2))
    assert endpoint_secret.rotated([old], new, NOW, timedelta(0)) == [new]


def test_a_second_rotation_does_not_make_an_older_secret_live_longer() -> None:
    first, second, third = (endpoint_secret.make(SigningScheme.V1, NOW) for _ in range(3))
    secrets = endpoint_secret.rotated([first], second, NOW, HOUR)
    secrets = endpoint_secret.rotated(secrets, third, NOW, 24 * HOUR)
    left = endpoint_secret.in_force(secrets, NOW + HOUR)
    assert [each["id"] for each in left] == [third["id"], second["id"]]


def test_no_more_than_five_secrets_sign() -> None:
    secrets: list[endpoint_secret.Secret] = []
    for _ in range(8):
        new = endpoint_secret.make(SigningScheme.V1, NOW)
        secrets = endpoint_secret.rotated(secrets, new, NOW, HOUR)
    assert len(secrets) == endpoint_secret.MAX_SECRETS
    assert secrets[0] == new


def test_a_receiver_is_given_the_shared_secret_or_the_public_key() -> None:
    shared = endpoint_secret.make(SigningScheme.V1, NOW)
    pair = endpoint_secret.make(SigningScheme.V1A, NOW)
    assert endpoint_secret.to_verify_with(shared).startswith("whsec_")
    assert endpoint_secret.to_verify_with(pair).startswith("whpk_")
