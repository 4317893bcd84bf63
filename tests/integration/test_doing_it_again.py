"""The same request again: idempotency keys, external ids, and many clients at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.domain.clock import ManualClock, SystemClock
from shared.runtime import Runtime
from shared.settings import Settings
from tests.api_keys import create_key
from tests.desk import Desk, ticket_body
from tests.invariants import assert_sound
from tests.problems import assert_problem
from tests.waiting import in_threads


def number_of_tickets(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table(Ticket))).scalar_one())


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_the_same_key_and_request_give_the_same_ticket(desk: Desk, database: Database) -> None:
    first = desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    again = desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    quoted = desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed('"k1"'))
    assert first.status_code == again.status_code == quoted.status_code == 201
    assert first.get_json() == again.get_json() == quoted.get_json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == f"/v1/tickets/{first.get_json()['id']}"
    assert number_of_tickets(database) == 1


def test_the_same_key_with_another_request_is_422(desk: Desk, database: Database) -> None:
    desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    other = desk.call("POST", "/v1/tickets", ticket_body(subject="b"), headers=keyed("k1"))
    assert_problem(other, 422, "idempotency-key-reused")
    assert number_of_tickets(database) == 1


def test_the_order_of_fields_makes_no_other_request(desk: Desk, database: Database) -> None:
    desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    turned = dict(reversed(list(ticket_body().items())))
    response = desk.call("POST", "/v1/tickets", turned, headers=keyed("k1"))
    assert response.headers["Idempotency-Replayed"] == "true"


def test_each_api_key_has_its_own_idempotency_keys(desk: Desk, database: Database) -> None:
    desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    other = Desk(desk.app, create_key(database, "other", ["tickets:write"]))
    response = other.call("POST", "/v1/tickets", ticket_body(subject="b"), headers=keyed("k1"))
    assert response.status_code == 201
    assert number_of_tickets(database) == 2


def test_twenty_at_once_with_the_same_key_make_one_ticket(desk: Desk, database: Database) -> None:
    def post(_: int) -> tuple[int, str]:
        response = desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
        return response.status_code, response.get_json().get("id")

    answers = in_threads(20, post)
    assert {status for status, _ in answers} == {201}
    assert len({ticket_id for _, ticket_id in answers}) == 1
    assert number_of_tickets(database) == 1


def test_two_processes_with_the_same_key_at_once_make_one_ticket(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    """Neither sees the other's key before it commits; the loser must answer with the ticket."""
    desks = [desk, new_desk()]
    for round_ in range(10):
        headers = keyed(f"k{round_}")

        def post(index: int, headers: dict[str, str] = headers) -> tuple[int, str]:
            response = desks[index].call("POST", "/v1/tickets", ticket_body(), headers=headers)
            return response.status_code, response.get_json().get("id")

        answers = in_threads(2, post)
        assert {status for status, _ in answers} == {201}
        assert len({ticket_id for _, ticket_id in answers}) == 1
    assert number_of_tickets(database) == 10


def test_a_key_is_forgotten_after_its_time(
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    new_app: Callable[..., object],
    token: str,
    database: Database,
) -> None:
    clock = ManualClock(SystemClock().now())
    runtime = new_runtime(replace(settings, idempotency_ttl_s=60), clock)
    desk = Desk(new_app(runtime), token)  # type: ignore[arg-type]
    desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    clock.advance(timedelta(seconds=59))
    again = desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    assert again.headers["Idempotency-Replayed"] == "true"
    clock.advance(timedelta(seconds=2))
    late = desk.call("POST", "/v1/tickets", ticket_body(subject="b"), headers=keyed("k1"))
    assert late.status_code == 201, late.get_data(as_text=True)
    assert number_of_tickets(database) == 2


def test_a_refused_request_leaves_its_key_free(desk: Desk, database: Database) -> None:
    refused = desk.call("POST", "/v1/tickets", ticket_body(colour="green"), headers=keyed("k1"))
    assert refused.status_code == 422
    mended = desk.call("POST", "/v1/tickets", ticket_body(), headers=keyed("k1"))
    assert mended.status_code == 201


def test_an_external_id_belongs_to_one_ticket(desk: Desk, database: Database) -> None:
    first = desk.ticket(external_id="case-7")
    second = desk.call("POST", "/v1/tickets", ticket_body(external_id="case-7"))
    assert assert_problem(second, 409, "conflict")["ticket_id"] == first["id"]
    assert number_of_tickets(database) == 1


def test_twenty_at_once_with_the_same_external_id_make_one_ticket(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    desks = [desk, new_desk()]

    def post(index: int) -> int:
        body = ticket_body(external_id="case-7")
        return desks[index % 2].call("POST", "/v1/tickets", body).status_code

    assert sorted(in_threads(20, post)) == [201] + [409] * 19
    assert number_of_tickets(database) == 1


def test_many_clients_at_once_get_a_ticket_each_with_rising_numbers(
    desk: Desk, database: Database
) -> None:
    def post(_: int) -> list[int]:
        return [desk.ticket()["number"] for _ in range(10)]

    numbers = in_threads(16, post)
    assert all(each == sorted(each) for each in numbers)
    assert len({number for each in numbers for number in each}) == 160
    assert_sound(database)


def test_one_ticket_that_cannot_be_stored_fails_alone(desk: Desk, database: Database) -> None:
    """Among many that are committed together, one has an external id that is taken already."""
    desk.ticket(external_id="case-0")

    def post(index: int) -> int:
        body = ticket_body(external_id=f"case-{index}")
        return desk.call("POST", "/v1/tickets", body).status_code

    assert in_threads(20, post) == [409] + [201] * 19
    assert number_of_tickets(database) == 20
