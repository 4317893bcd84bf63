"""What a span shows of a receiver: where it is, and nothing that might be a token."""

import pytest

from services.notifier.attempt_spans import shown_url
from shared.observability.redaction import REDACTED


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/hooks/tOkEn?key=1", "https://example.com"),
        ("http://user:password@example.com:8443/hook", "http://example.com:8443"),
        ("https://[2001:db8::1]:8443/hook", "https://[2001:db8::1]:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_a_url_is_shown_with_host_and_port_alone(url: str, shown: str) -> None:
    assert shown_url(url) == f"{shown}/{REDACTED}"
