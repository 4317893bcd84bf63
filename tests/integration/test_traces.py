"""A client's trace goes with its ticket, through every process, to whoever is told."""

from collections.abc import Callable

from dramatiq import Message

from shared.db.models import Ticket, TicketEvent
from shared.domain.trace_context import trace_id
from shared.domain.work import ListName
from shared.messaging.doorbell import DoorbellPublisher
from shared.runtime import Runtime
from tests.desk import Desk
from tests.receiver import Receiver
from tests.rows import rows
from tests.waiting import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"
OTHER = f"00-{'ab' * 16}-00f067aa0ba902b7-00"


def test_a_trace_reaches_the_receivers_of_all_that_follows_from_a_request(
    working_desk: Desk, runtime: Runtime, new_receiver: Callable[[], Receiver]
) -> None:
    desk, receiver, private = working_desk, new_receiver(), new_receiver()
    desk.agent()
    desk.webhook(receiver.url)
    forbidding = desk.webhook(private.url)["id"]
    desk.ok("PATCH", f"/v1/webhooks/{forbidding}", {"trace_context": False})
    receiver.manner = lambda event, earlier: 200 if earlier else 500
    sent = {"traceparent": GIVEN}
    ticket_id = desk.ok("POST", "/v1/tickets", TICKET, headers=sent)["id"]
    eventually(lambda: desk.event_types(ticket_id) == ["ticket.created", "ticket.assigned"])
    desk.ok("PATCH", f"/v1/tickets/{ticket_id}", {"subject": "B"}, headers={"traceparent": OTHER})
    desk.ok("PATCH", f"/v1/tickets/{ticket_id}", {"subject": "C"})
    [ticket] = rows(runtime.database, Ticket)
    assert ticket["traceparent"] == GIVEN
    kept = [each["traceparent"] for each in rows(runtime.database, TicketEvent)]
    assert kept == [GIVEN, GIVEN, OTHER, None]
    private.wait_for(4)
    assert not any("traceparent" in each.headers for each in private.received)


def test_each_attempt_of_a_webhook_has_a_parent_of_its_own(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    desk.webhook(receiver.url, "ticket.created")
    receiver.manner = lambda event, earlier: 200 if earlier else 500
    desk.ok("POST", "/v1/tickets", TICKET, headers={"traceparent": GIVEN})
    eventually(lambda: receiver.received)
    runtime.clock.advance(seconds=30)  # type: ignore[attr-defined]
    eventually(lambda: len(receiver.received) == 2)
    headers = [each.headers["traceparent"] for each in receiver.received]
    assert len({GIVEN, *headers}) == 3
    assert {trace_id(each) for each in headers} == {TRACE}


def test_a_traceparent_that_is_none_is_left_alone(desk: Desk, runtime: Runtime) -> None:
    desk.ok("POST", "/v1/tickets", TICKET, headers={"traceparent": "nonsense"})
    desk.ticket()
    assert [each["traceparent"] for each in rows(runtime.database, Ticket)] == [None, None]


def test_doorbells_carry_the_trace_of_whoever_rang(desk: Desk, runtime: Runtime) -> None:
    published: list[bytes] = []

    class Noting:
        def publish(self, queue: str, body: bytes) -> None:
            published.append(body)

        def keep_alive(self) -> None: ...

        def reset(self) -> None: ...

        def close(self) -> None: ...

    runtime.doorbells = DoorbellPublisher(Noting())
    desk.ok("POST", "/v1/tickets", TICKET, headers={"traceparent": GIVEN})
    [message] = eventually(lambda: [Message.decode(each) for each in published])
    assert message.queue_name == ListName.ROUTING
    assert trace_id(message.options["traceparent"]) == TRACE


TICKET = {"subject": "A", "requester": {"name": "Mira", "email": "mira@example.com"}}
