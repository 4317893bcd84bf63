"""Secrets are hidden in whatever patchbay doctor says."""

from services.cli.doctor.secrets import HIDDEN, censored


def test_no_url_shows_its_password() -> None:
    assert (
        censored("cannot reach amqp://u:abc@h/%2F", []) == f"cannot reach amqp://u:{HIDDEN}@h/%2F"
    )
    assert censored("the key abcd is wrong", ["abcd"]) == f"the key {HIDDEN} is wrong"
