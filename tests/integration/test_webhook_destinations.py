"""A URL that leads inside is refused at subscription; silent name servers hold up nobody."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from services.intake.api import webhook_destinations
from shared.db.models import Subscription
from shared.domain.address_guard import NOT_ALLOWED
from shared.runtime import Runtime
from shared.settings import Settings
from tests.desk import Desk
from tests.problems import assert_problem
from tests.rows import rows
from tests.ssrf_forms import FORMS, MAY_RESOLVE_LATER, RESOLVES, name_server_of
from tests.waiting import in_threads

#: The only ones whose reason is told: a fault that the URL itself shows.
TOLD = (
    *("no valid host", "must use https", "cannot be read", "no spaces", "no user name"),
    *("no fragment", "no IPv6 zone", "port 0", "not an IPv6 address"),
)


@pytest.fixture
def closed_desk(new_desk: Callable[..., Desk], settings: Settings) -> Desk:
    """A desk whose operator opened no network."""
    return new_desk(replace(settings, webhook_allowed_networks=(), webhook_allow_http=True))


def test_every_form_that_leads_inside_is_refused_and_nothing_is_stored(
    closed_desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", name_server_of(RESOLVES))
    desk, first = closed_desk, "https://hooks.example/1"
    path = f"/v1/webhooks/{desk.webhook(first)['id']}"
    for form in FORMS:
        url = form.replace("{port}", "8080")
        for method, where in (("POST", "/v1/webhooks"), ("PATCH", path)):
            if form in MAY_RESOLVE_LATER:
                continue
            problem = assert_problem(
                desk.call(method, where, {"url": url}), 422, "invalid-input", ["/url"]
            )
            [error] = problem["errors"]
            told = error["detail"]
            assert told == NOT_ALLOWED or any(each in told for each in TOLD), ascii(url)
    assert [row["url"] for row in rows(runtime.database, Subscription)] == [first]


@pytest.mark.parametrize("form", sorted(MAY_RESOLVE_LATER), ids=ascii)
def test_a_name_that_has_no_address_yet_is_registered(
    closed_desk: Desk, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", name_server_of(RESOLVES))
    url = form.replace("{port}", "8080")
    assert closed_desk.webhook(url)["url"] == url


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Name servers that answer only when the event is set."""
    answered = threading.Event()

    def silent(*_: Any, **__: Any) -> list[Any]:
        answered.wait(20)
        return []

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", silent)
        yield answered
        answered.set()


def test_a_silent_name_server_costs_seconds_and_not_the_threads_that_answer(
    closed_desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, silence: threading.Event
) -> None:
    monkeypatch.setattr(webhook_destinations, "BUDGET_S", 0.2)
    desk = closed_desk
    began_at = monotonic()

    def subscribe(number: int) -> tuple[int, Any]:
        url = f"https://hooks-{number % 20}.example/"
        answer = desk.call("POST", "/v1/webhooks", {"url": url}, headers={"Accept-Language": "ru"})
        return answer.status_code, answer

    answers = in_threads(40, subscribe)
    assert monotonic() - began_at < 5
    refused = [answer for status, answer in answers if status == 422]
    told_to_come_again = [answer for status, answer in answers if status == 503]
    assert len(refused) + len(told_to_come_again) == 40
    assert refused
    assert told_to_come_again
    for answer in refused:
        problem = assert_problem(answer, 422, "invalid-input", ["/url"])
        assert problem["errors"][0]["detail"].startswith("Серверы имён этого хоста не ответили")
    assert all(answer.headers["Retry-After"] for answer in told_to_come_again)
    silence.set()
    assert rows(runtime.database, Subscription) == []
    assert desk.webhook("https://hooks-1.example/")["enabled"]
