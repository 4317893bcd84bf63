"""What the URL of a mail server means, above all for passwords."""

import pytest

from shared.domain.smtp_url import SmtpServer, Starttls, parse_smtp_url

REQUIRED, OFFERED, OFF = Starttls


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://relay", SmtpServer("relay", 25, None, None, False, OFFERED)),
        ("smtp://relay?starttls=required", SmtpServer("relay", 587, None, None, False, REQUIRED)),
        ("smtp://relay?starttls=off", SmtpServer("relay", 25, None, None, False, OFF)),
        ("smtp://u%40x:p%2Fw@relay", SmtpServer("relay", 587, "u@x", "p/w", False, REQUIRED)),
        ("smtp://relay:2525", SmtpServer("relay", 2525, None, None, False, OFFERED)),
        ("smtps://u:p@[::1]", SmtpServer("::1", 465, "u", "p", True, OFF)),
        ("smtp://u:p@[::1]?starttls=off", SmtpServer("::1", 587, "u", "p", False, OFF)),
        ("smtp://u:p@localhost?starttls=off", SmtpServer("localhost", 587, "u", "p", False, OFF)),
        (
            "smtp://u:p@relay?starttls=offered&login=unencrypted",
            SmtpServer("relay", 587, "u", "p", False, OFFERED),
        ),
    ],
)
def test_a_server_is_described_by_a_url(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize("choice", ["off", "offered"])
def test_a_password_goes_unencrypted_only_by_name(choice: str) -> None:
    with pytest.raises(ValueError, match="login=unencrypted if that is meant"):
        parse_smtp_url(f"smtp://u:p@relay?starttls={choice}")


@pytest.mark.parametrize(
    "url",
    [
        "http://relay",
        "smtp://",
        "smtp://u:secret@relay?starttls=maybe",
        "smtp://u:secret@relay?starttls=off",
        "smtp://u:secret@relay?login=yes",
        "smtp://u:secret@relay?tls=1",
        "smtps://u:secret@relay?starttls=required",
        "smtp://u:secret@relay:99999",
    ],
)
def test_a_wrong_url_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(ValueError) as fault:
        parse_smtp_url(url)
    assert "secret" not in str(fault.value)
