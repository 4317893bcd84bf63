"""What must not be in a log is not, whoever wrote the line."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from shared.domain.trace_context import belonging_to
from shared.observability.logging import configure_logging
from shared.observability.redaction import redact_text
from shared.settings import LogFormat

SECRET = "h7Kq2mVx9pLr4sTw8nYz3cBd"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(params=[LogFormat.JSON, LogFormat.CONSOLE])
def written(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[io.StringIO]:
    """What is logged, in each format; afterwards logs are as they were."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(request.param, "DEBUG", "router")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def connect(url: str) -> None:
    raise ValueError(f"no route for {url}")


@pytest.mark.parametrize(
    "text",
    [
        f"https://{SECRET}@hooks.example/",
        f"postgresql+psycopg://patchbay:{SECRET}@db.example/patchbay",
        f"amqp://guest:{SECRET}@[::1]:5672/%2F refused",
        f"smtps://desk%40example.com:{SECRET}/x@mail.example",
        f"https://{SECRET}:@hooks.example/",
        f"Authorization: Bearer {SECRET}",
        f"{{'authorization': 'Basic {SECRET}', 'host': 'x'}}",
        f"sent Bearer {SECRET} to it",
        f"Set-Cookie: session={SECRET}; HttpOnly",
        f"the key pbk_{SECRET} is unknown",
        f"whsec_{SECRET}== is too short, whsk_{SECRET}",
        f"GET https://desk.example/t/{SECRET}.abc123.{SECRET}/rate?score=5",
        f"help+{'a2b3c4d5' * 6}@desk.example",
        f"connection password={SECRET} host=db",
        f"https://hooks.example/?access_token={SECRET}&x=1",
        f'{{"client_secret": "{SECRET}"}}',
        f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----",
    ],
)
def test_secrets_are_told_by_how_they_look(text: str) -> None:
    found = redact_text(text)
    assert SECRET not in found
    assert "a2b3c4d5" not in found
    assert "[redacted]" in found


@pytest.mark.parametrize(
    "text",
    [
        "https://hooks.example:8443/patchbay?team=network",
        "mira@example.com",
        "tkt_0190a5d4e5f67000800000000000beef is with agt_0190a5d4e5f67000800000000000cafe",
        "network|vpn:2,dns:1",
        "HTTP 410 after 5 attempts: connection refused",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


def test_a_line_holds_no_secret_and_nothing_that_people_wrote(written: io.StringIO) -> None:
    log = structlog.get_logger()
    story = "My cat walked over the router"
    log.info(
        "mail.failed",
        password=SECRET,
        headers={"Authorization": f"Bearer {SECRET}", "Accept": "text/plain"},
        urls=[f"smtp://desk:{SECRET}@mail.example"],
        body=story,
        comment={"body": story},
        attempts=3,
    )
    try:
        connect(f"amqp://desk:{SECRET}@mq.example")
    except ValueError:
        log.exception("row.failed", key="tkt_1")
    logging.getLogger("library").warning("login %s refused", f"amqp://desk:{SECRET}@mq.example")
    text = written.getvalue()
    assert SECRET not in text
    assert story not in text
    for kept in ("mail.failed", "text/plain", "tkt_1", "ValueError", "Traceback", "@mq.example"):
        assert kept in text


def test_a_line_names_the_request_and_the_trace_that_it_belongs_to(written: io.StringIO) -> None:
    log = structlog.get_logger()
    with belonging_to(f"00-{TRACE}-00f067aa0ba902b7-01"):
        log.info("ticket.routed", correlation_id="req_1")
    log.info("timers.rested")
    first, second = written.getvalue().splitlines()
    assert TRACE in first
    assert "req_1" in first
    assert TRACE not in second
    if first.startswith("{"):
        assert json.loads(first)["trace_id"] == TRACE
