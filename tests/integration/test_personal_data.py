"""Merging, exporting and erasing requesters: what moves, what is told, and that nothing is left."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.intake import erase_requester, export_requester, merge_requesters
from services.intake.api import requesters as api
from shared.db.engine import Database
from shared.db.models import (
    Base,
    Delivery,
    DeliveryAttempt,
    DryRun,
    Requester,
    SearchDocument,
    Ticket,
)
from shared.db.models.base import table
from shared.db.ticket_changes import requester as changes
from shared.db.ticket_changes.by_hand import Asked
from shared.domain.audit import Actor
from shared.domain.clock import SystemClock
from shared.domain.delivery import DeliveryChannel
from shared.domain.erasure import ERASED
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.api_keys import create_key
from tests.desk import Desk, ticket_body
from tests.factories import NOW
from tests.invariants import assert_sound
from tests.problems import assert_problem
from tests.receiver import Receiver
from tests.rows import rows, set_columns
from tests.waiting import eventually, in_threads

ASKED = Asked("test", "req_1")
MIRA = {
    "name": "Mira Petrova",
    "email": "mira@example.com",
    "phone": "+44 20 7946 0000",
    "contacts": [{"type": "telegram", "value": "@mira"}],
    "external_id": "crm-mira",
}
#: What Mira wrote; each has a word of its own to look for.
WORDS = {
    "subject": "hidden-subject",
    "description": "hidden-description",
    "steps_to_reproduce": "hidden-steps",
    "error_messages": ["hidden-error"],
    "custom_fields": {"nested": {"list": ["hidden-custom"]}},
    "external_id": "hidden-case",
}
#: Long enough that no id in hexadecimal digits holds one by chance.
TRACES = ("mira", "petrova", "7946 0000", "79460000", "hidden")


def requester_of(desk: Desk, **requester: Any) -> str:
    return str(desk.ticket(requester=requester)["requester"]["id"])


def post(desk: Desk, requester_id: str, action: str, body: dict[str, Any]) -> Any:
    return desk.ok("POST", f"/v1/requesters/{requester_id}/{action}", body)


def everything(database: Database) -> Iterator[tuple[str, str]]:
    """Yield each row of each table as text, but for the index, which follows the events.

    `test_erasure_everywhere` brings it up to date and looks into it too.
    """
    with database.reading() as connection:
        for each in set(Base.metadata.sorted_tables) - {table(SearchDocument)}:
            for row in connection.execute(select(each)).mappings():
                yield each.name, json.dumps(dict(row), default=str, ensure_ascii=False)


def traces(database: Database) -> list[str]:
    """Where anything of Mira stands, in any table; the key of the test is not hers."""
    return [
        f"{name}: {text}"
        for name, text in everything(database)
        if any(trace in text.casefold() for trace in TRACES)
    ]


# Merging ------------------------------------------------------------------------------------------


def test_addresses_and_tickets_move_and_the_old_id_leads_to_the_new(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_requesters, "BATCH", 2)
    old = requester_of(desk, name="Mira", phone="+442079460000", locale="ru")
    for _ in range(4):
        requester_of(desk, phone="+442079460000")
    new = requester_of(desk, email="mira@example.com", name="Mira Petrova")
    merged = post(desk, old, "merge", {"into": new})
    assert (merged["id"], merged["name"], merged["locale"]) == (new, "Mira Petrova", "ru")
    assert {each["value"] for each in merged["identities"]} == {"mira@example.com", "+442079460000"}
    response = desk.call("GET", f"/v1/requesters/{old}")
    assert response.get_json() == merged
    assert response.headers["Content-Location"] == f"/v1/requesters/{new}"
    for requester_id in (old, new):
        history = desk.ok("GET", f"/v1/requesters/{requester_id}/tickets")["items"]
        assert [ticket["requester"]["id"] for ticket in history] == [new] * 6
        told = desk.events(history[-1]["id"])[-1]
        assert (told["type"], told["data"]["changed"]) == ("ticket.updated", ["requester"])
        assert told["data"]["ticket"]["requester"]["id"] == new
    assert requester_of(desk, id=old) == requester_of(desk, phone="+442079460000") == new
    listed = desk.ok("GET", "/v1/requesters")["items"]
    assert [each["id"] for each in listed] == [new]
    assert_sound(database)


def test_merging_again_does_nothing_and_goes_on_after_a_crash(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_requesters, "BATCH", 2)
    old, new = requester_of(desk, external_id="old"), requester_of(desk, external_id="new")
    for _ in range(4):
        requester_of(desk, external_id="old")
    steps = merge_requesters.merge(database, old, new, NOW, ASKED, Actor("test"))
    assert [next(steps), next(steps)] == [0, 2]
    steps.close()
    merged = post(desk, old, "merge", {"into": new})
    assert len(desk.ok("GET", f"/v1/requesters/{new}/tickets")["items"]) == 6
    assert post(desk, old, "merge", {"into": new}) == merged
    versions = [row["version"] for row in rows(database, Ticket)]
    assert sorted(versions) == [1, 2, 2, 2, 2, 2]


def test_a_merge_that_takes_long_answers_202_and_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "WORK_S", -1.0)
    old, new = requester_of(desk, external_id="old"), requester_of(desk, external_id="new")
    path, body = f"/v1/requesters/{old}/merge", {"into": new}
    assert desk.call("POST", path, body).status_code == 202
    monkeypatch.undo()
    assert desk.call("POST", path, body).status_code == 200
    assert len(desk.ok("GET", f"/v1/requesters/{new}/tickets")["items"]) == 2


def test_ids_lead_to_whoever_is_left_after_several_merges(desk: Desk, database: Database) -> None:
    first, second, third = (requester_of(desk, external_id=name) for name in "abc")
    post(desk, first, "merge", {"into": second})
    post(desk, second, "merge", {"into": third})
    assert requester_of(desk, id=first) == third
    assert {row["merged_into"] for row in rows(database, Requester)} == {third, None}
    again = desk.call("POST", f"/v1/requesters/{first}/merge", {"into": second})
    assert assert_problem(again, 409, "conflict")["merged_into"] == third
    back = desk.call("POST", f"/v1/requesters/{third}/merge", {"into": first})
    assert assert_problem(back, 409, "conflict")["merged_into"] == third


def test_a_merge_that_cannot_be_is_refused(desk: Desk) -> None:
    one, other = requester_of(desk, external_id="one"), requester_of(desk, external_id="other")
    path = f"/v1/requesters/{one}/merge"
    for body in ({"into": one}, {"into": "rqr_" + "0" * 32}, {"into": "tkt_1"}, {}):
        assert_problem(desk.call("POST", path, body), 422, "invalid-input", ["/into"])
    post(desk, other, "erase", {})
    assert_problem(desk.call("POST", path, {"into": other}), 409, "conflict")
    refused = desk.call("POST", f"/v1/requesters/{other}/merge", {"into": one})
    assert_problem(refused, 409, "conflict")


def test_tickets_that_come_during_a_merge_are_with_whoever_is_left(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    desks = [desk, new_desk()]
    old, new = requester_of(desk, external_id="old"), requester_of(desk, external_id="new")

    def act(index: int) -> None:
        if index == 0:
            post(desk, old, "merge", {"into": new})
            return
        for _ in range(10):
            body = ticket_body(requester={"external_id": "old"} if index % 2 else {"id": old})
            assert desks[index % 2].call("POST", "/v1/tickets", body).status_code == 201

    in_threads(7, act)
    post(desk, old, "merge", {"into": new})
    assert {row["requester_id"] for row in rows(database, Ticket)} == {new}
    assert len(rows(database, Ticket)) == 62


# Exporting ----------------------------------------------------------------------------------------


def test_an_export_is_one_document_with_everything(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_requester, "TICKETS", 2)
    monkeypatch.setattr(export_requester, "EVENTS", 2)
    mira, old = requester_of(desk, **MIRA), requester_of(desk, external_id="old")
    ticket = desk.ticket(requester={"id": mira}, **WORDS)["id"]
    for number in range(4):
        desk.ok("PATCH", f"/v1/tickets/{ticket}", {"product": f"p{number}"})
    desk.ticket(requester={"email": "ann@example.com"})
    post(desk, old, "merge", {"into": mira})
    response = desk.call("GET", f"/v1/requesters/{old}/export")
    document = json.loads(response.get_data())
    assert response.headers["Cache-Control"] == "no-store"
    assert mira in response.headers["Content-Disposition"]
    assert document["requester"] == desk.ok("GET", f"/v1/requesters/{mira}")
    assert [each["id"] for each in document["merged"]] == [old]
    assert [each["ticket"]["number"] for each in document["tickets"]] == [3, 2, 1]
    assert document["tickets"][0]["ticket"] == desk.read(ticket)
    assert document["tickets"][0]["events"] == desk.events(ticket)
    assert len(document["tickets"][0]["events"]) == 5


def test_an_export_of_nobodys_tickets_is_a_document_too(desk: Desk) -> None:
    requester = desk.ok("POST", "/v1/requesters", {"name": "n"})["id"]
    assert desk.ok("GET", f"/v1/requesters/{requester}/export")["tickets"] == []


# Erasing ------------------------------------------------------------------------------------------


def lived(desk: Desk) -> tuple[str, str]:
    """A ticket of Mira's with a story; return her id and the ticket's."""
    headers = {"Idempotency-Key": "k1"}
    body = ticket_body(
        requester=MIRA, **WORDS, type="complaint", category="billing", tags=["laptop"]
    )
    ticket = desk.ok("POST", "/v1/tickets", body, headers=headers)
    return ticket["requester"]["id"], ticket["id"]


def test_after_an_erasure_nothing_of_the_person_is_in_any_table(
    desk: Desk,
    runtime: Runtime,
    database: Database,
    receiver: Receiver,
    start_host: Callable[..., WorkerHost],
) -> None:
    desk.webhook(receiver.url)
    desk.agent(5, name="Ann Lee", email="ann@example.com")
    rule = {"name": "odd", "when": "int(ticket.subject) > 1", "then": {"priority": "high"}}
    desk.ok("PUT", "/v1/routing/rules", {"rules": [rule]})
    host = start_host(runtime)
    mira, ticket = lived(desk)
    eventually(lambda: desk.assignee(ticket))
    desk.step(ticket, "resolve", resolution={"summary": "hidden: told Mira to reboot."})
    eventually(lambda: all(row["finished_at"] for row in rows(database, Delivery)))
    receiver.wait_for(3)
    eventually(lambda: len(rows(database, DeliveryAttempt)) == 6)
    host.stop(10.0)
    # What the workers do not get to: an event on the outbox, a mail that is due, an echo.
    waiting = desk.ticket(requester={"id": mira}, **{**WORDS, "external_id": "hidden-2"})["id"]
    for row in rows(database, DeliveryAttempt):
        set_columns(database, DeliveryAttempt, row["id"], response_body="echo: Mira")
    mail = next(row for row in rows(database, Delivery) if row["receiver"] == "mira@example.com")
    pending = {"work_state": WorkState.READY, "finished_at": None, "last_error": "550 <mira@…>"}
    set_columns(database, Delivery, mail["id"], **pending)
    asked_row = {
        "id": new_id(Prefix.DRY_RUN),
        "question": {"ticket": ticket_body(requester=MIRA)},
        "answer": None,
        "created_at": SystemClock().now(),
        "work_state": WorkState.READY,
        "available_at": SystemClock().now() + timedelta(days=1),
        "attempts": 0,
        "last_error": None,
    }
    with database.transaction() as tx:
        tx.insert(table(DryRun), [asked_row])
    before = desk.read(ticket)
    found = {line.partition(":")[0] for line in traces(database)}
    assert found == {
        *("requesters", "requester_identities", "tickets", "ticket_events", "deliveries"),
        *("delivery_attempts", "idempotency_keys", "dry_runs"),
    } | ({"decisions"} & found)

    erased = post(desk, mira, "erase", {})
    assert traces(database) == []
    assert (erased["name"], erased["identities"]) == (None, [])
    assert erased["erased_at"]
    left = desk.read(ticket)
    for name in ("number", "type", "category", "priority", "team", "status", "tags", "created_at"):
        assert left[name] == before[name]
    assert left["requester"] == {"id": mira, "name": ERASED, "erased": True}
    assert (left["subject"], left["resolution"]["summary"]) == (ERASED, ERASED)
    for each in (ticket, waiting):
        told = desk.events(each)[-1]
        assert told["type"] == "ticket.updated"
        assert {"requester", "subject"} <= set(told["data"]["changed"])
    [cancelled] = rows(database, Delivery, table(Delivery).c.id == mail["id"])
    assert cancelled["work_state"] is WorkState.CANCELLED
    assert len(desk.ok("GET", f"/v1/requesters/{mira}/tickets")["items"]) == 2
    assert_sound(database)
    # The same request again gets the ticket, without what was erased.
    body = ticket_body(
        requester=MIRA, **WORDS, type="complaint", category="billing", tags=["laptop"]
    )
    again = desk.call("POST", "/v1/tickets", body, headers={"Idempotency-Key": "k1"})
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json()["subject"] == ERASED
    assert again.get_json()["id"] == ticket


def test_receivers_learn_of_an_erasure_and_no_mail_goes_out(
    desk: Desk,
    runtime: Runtime,
    database: Database,
    receiver: Receiver,
    start_host: Callable[..., WorkerHost],
) -> None:
    desk.webhook(receiver.url)
    mira, ticket = lived(desk)
    post(desk, mira, "erase", {})
    start_host(runtime)
    receiver.wait_for_type("ticket.updated", ticket)
    assert all(trace not in each.body.decode() for each in receiver.received for trace in TRACES)
    mails = table(Delivery).c.channel == DeliveryChannel.EMAIL
    assert rows(database, Delivery, mails) == []


def test_erasing_again_does_nothing_and_goes_on_after_a_crash(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase_requester, "BATCH", 2)
    mira = requester_of(desk, **MIRA)
    for number in range(4):
        desk.ticket(requester={"id": mira}, **{**WORDS, "external_id": f"hidden-{number}"})
    steps = erase_requester.erase(database, mira, NOW, ASKED, lambda _: None, Actor("test"))
    assert [next(steps), next(steps)] == [0, 2]
    steps.close()
    assert traces(database)
    assert_problem(
        desk.call("POST", "/v1/tickets", ticket_body(requester={"id": mira})),
        422,
        "invalid-input",
        ["/requester/id"],
    )
    erased = post(desk, mira, "erase", {})
    assert traces(database) == []
    assert post(desk, mira, "erase", {}) == erased
    assert [row["version"] for row in rows(database, Ticket)] == [2] * 5


def test_a_ticket_with_a_very_long_story_is_erased_in_pieces(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase_requester, "MAX_EVENTS", 6)
    monkeypatch.setattr(changes, "PAGE", 3)
    mira, ticket = lived(desk)
    for number in range(10):
        desk.ok("PATCH", f"/v1/tickets/{ticket}", {"subject": f"hidden-{number}"})
    desk.ticket(requester={"id": mira})
    post(desk, mira, "erase", {})
    assert traces(database) == []
    assert_sound(database)


def test_whoever_was_merged_into_the_requester_is_erased_with_them(
    desk: Desk, database: Database
) -> None:
    old, mira = (
        requester_of(desk, name="Mira", email="mira@old.example"),
        requester_of(desk, **MIRA),
    )
    post(desk, old, "merge", {"into": mira})
    refused = desk.call("POST", f"/v1/requesters/{old}/erase", {})
    assert assert_problem(refused, 409, "conflict")["merged_into"] == mira
    post(desk, mira, "erase", {})
    assert traces(database) == []


def test_an_erased_requester_cannot_be_changed_and_comes_back_as_a_new_one(desk: Desk) -> None:
    mira = requester_of(desk, **MIRA)
    post(desk, mira, "erase", {})
    assert_problem(desk.call("PATCH", f"/v1/requesters/{mira}", {"name": "n"}), 409, "conflict")
    assert requester_of(desk, **MIRA) != mira


def test_tickets_that_come_during_an_erasure_are_erased_or_somebody_new(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    desks = [desk, new_desk()]
    mira = requester_of(desk, **MIRA)

    def act(index: int) -> None:
        if index == 0:
            post(desk, mira, "erase", {})
            return
        for _ in range(10):
            desks[index % 2].ticket(requester=MIRA)

    in_threads(7, act)
    for row in rows(database, Ticket):
        assert (row["requester_id"] == mira) == bool(row["requester"].get("erased"))
    assert len({row["requester_id"] for row in rows(database, Ticket)}) <= 2
    assert_sound(database)


def test_an_export_needs_the_scope_of_tickets_too(desk: Desk, database: Database) -> None:
    mira = requester_of(desk, **MIRA)
    weak = Desk(desk.app, create_key(database, "weak", ["requesters:read"]))
    refused = weak.call("GET", f"/v1/requesters/{mira}/export")
    assert assert_problem(refused, 403, "forbidden")["scope"] == "tickets:read"
    able = Desk(desk.app, create_key(database, "able", ["requesters:read", "tickets:read"]))
    assert able.ok("GET", f"/v1/requesters/{mira}/export")["requester"]["id"] == mira


def test_an_erasure_needs_a_scope_of_its_own_and_takes_no_fields(
    desk: Desk, database: Database
) -> None:
    mira = requester_of(desk, **MIRA)
    path = f"/v1/requesters/{mira}/erase"
    assert_problem(desk.call("POST", path, {"now": True}), 422, "invalid-input", ["/now"])
    weak = Desk(desk.app, create_key(database, "weak", ["requesters:write"]))
    assert (
        assert_problem(weak.call("POST", path, {}), 403, "forbidden")["scope"] == "requesters:erase"
    )
