"""Spans: what is done for a ticket, in one trace, and what many share, linked to all of theirs."""

from collections.abc import Callable
from time import monotonic

import pytest
import structlog
from prometheus_client import REGISTRY

from shared.domain.trace_context import span_id, trace_id
from shared.observability.tracing import FLUSH_S
from shared.runtime import Runtime
from tests.collector import Collector
from tests.desk import Desk, ticket_body
from tests.fixtures.collectors import spanning
from tests.receiver import Receiver
from tests.waiting import eventually, in_threads

TRACE, ASKED_BY = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = {"traceparent": f"00-{TRACE}-{ASKED_BY}-01"}
NOT_KEPT = {"traceparent": f"00-{'ab' * 16}-{ASKED_BY}-00"}
TICKETS = 12


def test_what_is_done_for_a_ticket_is_below_its_request(
    spans: Collector, working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    desk.agent()
    desk.webhook(receiver.url, "ticket.*")
    ticket = desk.ok("POST", "/v1/tickets", ticket_body(), headers=GIVEN)
    receiver.wait_for(2)
    posts = spans.wait_for("POST", 2)
    [request] = spans.wait_for("POST /v1/tickets")
    assert (request.trace, request.parent, request.kind) == (TRACE, ASKED_BY, "SERVER")
    assert request.attributes["http.response.status_code"] == 201
    assert request.attributes["http.route"] == "/v1/tickets"
    [decision] = spans.wait_for("router.decide", patchbay_ticket_id=ticket["id"])
    told = spans.wait_for("notifier.fan_out", 2)
    for each in (decision, *told, *posts):
        assert (each.trace, each.parent) == (TRACE, request.id)
    assert decision.attributes["patchbay.decision.outcome"] == "assigned"
    assert {each.kind for each in posts} == {"CLIENT"}
    assert {each.attributes["http.response.status_code"] for each in posts} == {204}
    sent = [each.headers["traceparent"] for each in receiver.received]
    assert {trace_id(each) for each in sent} == {TRACE}
    assert {span_id(each) for each in sent} == {each.id for each in posts}
    # The hook's path is the receiver's affair.
    assert not any("/hook" in str(each.attributes) for each in posts)


def test_a_batch_is_linked_to_all_that_it_is_about(
    spans: Collector, desk: Desk, runtime: Runtime, start_host: Callable[..., object]
) -> None:
    desk.agent(capacity=TICKETS)
    made = in_threads(TICKETS, lambda _: desk.ticket())
    start_host(runtime)
    eventually(lambda: all(desk.assignee(each["id"]) for each in made))
    decisions = spans.wait_for("router.decide", TICKETS)
    requests = {each.id: each for each in spans.wait_for("POST /v1/tickets", TICKETS)}
    assert {each.parent for each in decisions} == set(requests)
    assert all(each.trace == requests[each.parent].trace for each in decisions)
    eventually(lambda: _linked(spans, "process routing") >= set(requests))
    eventually(lambda: _linked(spans, "process events") >= set(requests))
    batches = {each.id for each in spans.named("process routing")}
    assert all(batches & set(each.links) for each in decisions)
    for commit in spans.named("intake.commit"):
        # Of one request it is a part, of several it is about all.
        assert set(commit.links) <= set(requests)
        assert (commit.parent in requests) is (not commit.links)


def test_each_attempt_is_a_span_of_its_own(
    spans: Collector, working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    desk.webhook(receiver.url, "ticket.created")
    receiver.manner = lambda event, earlier: 200 if earlier else 500
    desk.ok("POST", "/v1/tickets", ticket_body(), headers=GIVEN)
    [first] = spans.wait_for("POST")
    runtime.clock.advance(seconds=30)  # type: ignore[attr-defined]
    first, second = spans.wait_for("POST", 2)
    assert (first.failed, first.attributes["error.type"]) == (True, "500")
    assert "http.request.resend_count" not in first.attributes
    assert (second.failed, second.attributes["http.request.resend_count"]) == (False, 1)
    assert first.parent == second.parent
    assert len({first.id, second.id}) == 2


def test_a_mail_is_a_span_below_its_request(
    spans: Collector, working_desk: Desk, runtime: Runtime
) -> None:
    working_desk.ok("POST", "/v1/tickets", ticket_body(), headers=GIVEN)
    [mail] = spans.wait_for("send mail")
    [request] = spans.wait_for("POST /v1/tickets")
    assert (mail.kind, mail.trace, mail.parent) == ("CLIENT", TRACE, request.id)
    assert mail.attributes["patchbay.outcome"] == "Delivered"


def test_a_trace_that_its_client_does_not_keep_is_not_kept_here_and_goes_on(
    spans: Collector, working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    desk.webhook(receiver.url, "ticket.created")
    desk.ok("POST", "/v1/tickets", ticket_body(), headers=NOT_KEPT)
    [sent] = receiver.wait_for(1)
    told = sent.headers["traceparent"]
    assert (trace_id(told), told[-2:]) == ("ab" * 16, "00")
    desk.ok("POST", "/v1/tickets", ticket_body(), headers=GIVEN)
    spans.wait_for("POST")
    assert not spans.of("ab" * 16)


def test_a_request_without_a_trace_begins_one_and_a_webhook_may_be_left_out_of_it(
    spans: Collector, working_desk: Desk, new_receiver: Callable[[], Receiver]
) -> None:
    desk, told, private = working_desk, new_receiver(), new_receiver()
    desk.webhook(told.url, "ticket.created")
    forbidding = desk.webhook(private.url, "ticket.created")["id"]
    desk.ok("PATCH", f"/v1/webhooks/{forbidding}", {"trace_context": False})
    desk.ticket()
    [sent] = told.wait_for(1)
    [quiet] = private.wait_for(1)
    [request] = spans.wait_for("POST /v1/tickets")
    posts = spans.wait_for("POST", 2)
    assert request.parent == ""
    assert trace_id(sent.headers["traceparent"]) == request.trace
    assert "traceparent" not in quiet.headers
    assert {each.trace for each in posts} == {request.trace}


def test_a_span_tells_what_failed_and_nothing_that_people_wrote(
    spans: Collector, desk: Desk
) -> None:
    response = desk.call("POST", "/v1/tickets", {"subject": "my password is swordfish"})
    assert response.status_code == 422
    desk.call("GET", "/t/abcdefgh.0123456789abcdef?secret=1")
    desk.call("GET", "/healthz")
    refused, page = eventually(lambda: len(spans.kept) >= 2 and spans.kept[:2])
    assert (refused.attributes["http.response.status_code"], refused.failed) == (422, False)
    assert "abcdefgh" not in str(page.attributes)
    assert not any("swordfish" in str(each) for each in spans.kept)
    assert not any("healthz" in each.name for each in spans.kept)


def test_a_collector_that_never_answers_costs_no_ticket_and_no_time(
    working_desk: Desk,
    receiver: Receiver,
    silent_collector: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = working_desk
    desk.agent(capacity=TICKETS)
    desk.webhook(receiver.url, "ticket.assigned")
    with structlog.testing.capture_logs() as lines, spanning(silent_collector, monkeypatch):
        before, began = _dropped(), monotonic()
        for _ in range(TICKETS):
            desk.ticket()
        receiver.wait_for(TICKETS)
        # A single wait for the collector is as long.
        assert monotonic() - began < 10.0
        began = monotonic()
    assert monotonic() - began < 2 * FLUSH_S
    assert _dropped() > before
    assert [each["queue"] for each in lines if each["event"] == "spans.dropped"] == [16]


def _dropped() -> float:
    return REGISTRY.get_sample_value("patchbay_spans_total", {"outcome": "dropped"}) or 0.0


def _linked(spans: Collector, name: str) -> set[str]:
    """The spans that spans of this name are linked to."""
    return {link for each in spans.named(name) for link in each.links}
