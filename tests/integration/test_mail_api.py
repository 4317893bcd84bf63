"""Bounces, blocked addresses, preferences and unsubscribing: over HTTP and by the command."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.intake.pages.stranger_limits import LINK_LIMIT_PER_HOUR
from shared.db.engine import Database
from shared.db.models import AuditEntry, Delivery, DeliveryAttempt, MailPreference, MailSuppression
from shared.db.models.base import table
from shared.db.signing_keys import SigningKeys
from shared.domain.audit import ADDRESS_PURPOSE, target_of_address
from shared.domain.clock import SystemClock
from shared.domain.delivery import DeliveryChannel, MailKind
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState
from shared.mail_tokens import MailTokens, plus_address
from shared.public_links import PublicLinks
from tests.api_keys import create_key
from tests.commands import run_command
from tests.desk import Desk
from tests.factories import NOW
from tests.fixtures.modes import Mode
from tests.mail_reports import bounce, complaint
from tests.problems import assert_problem
from tests.rows import rows

TICKET = new_id(Prefix.TICKET)


@pytest.fixture
def tokens(database: Database) -> MailTokens:
    return MailTokens(SigningKeys(database, SystemClock()))


def sent_mail(database: Database, receiver: str = "Mira@example.com") -> str:
    """A mail that was sent; returns the id of its delivery."""
    row: dict[str, Any] = {
        "id": new_id(Prefix.DELIVERY),
        "event_id": new_id(Prefix.EVENT),
        "ticket_id": TICKET,
        "sequence": 1,
        "channel": DeliveryChannel.EMAIL.value,
        "receiver": receiver,
        "kind": MailKind.TICKET_RECEIVED.value,
        "rank": 0,
        "lease_token": None,
        "data_started_at": None,
        "created_at": NOW,
        "finished_at": NOW,
        "work_state": WorkState.DONE.value,
        "available_at": NOW,
        "attempts": 1,
        "last_error": None,
    }
    with database.transaction() as tx:
        tx.insert(table(Delivery), [row])
    return str(row["id"])


def post(desk: Desk, content: bytes) -> TestResponse:
    headers = {"Content-Type": "message/rfc822"}
    return desk.call("POST", "/v1/mail/bounces", headers=headers, data=content)


def taken(desk: Desk, content: bytes) -> dict[str, Any]:
    response = post(desk, content)
    assert response.status_code == 200, response.get_data(as_text=True)
    return dict(response.get_json())


def test_a_bounce_blocks_the_address_of_its_mail_and_is_in_the_ledger(
    desk: Desk, database: Database, tokens: MailTokens
) -> None:
    delivery = sent_mail(database)
    content = bounce(to=plus_address("bounces@desk.example", tokens.bounce(delivery)))
    told = taken(desk, content)
    assert told["delivery_id"] == delivery
    assert (told["address"], told["suppressed"]) == ("Mira@example.com", True)
    [blocked] = desk.ok("GET", "/v1/mail/suppressions")["items"]
    assert blocked["address"] == "mira@example.com"
    assert blocked["reason"] == "hard_bounce"
    assert blocked["until"] is not None
    [attempt] = rows(database, DeliveryAttempt)
    assert (attempt["delivery_id"], attempt["outcome"]) == (delivery, "Bounced")
    assert "550 5.1.1 no such user" in attempt["detail"]
    # The same report again is known.
    assert "before" in taken(desk, content)["detail"]
    assert len(rows(database, DeliveryAttempt)) == 1


def test_a_bounce_without_verp_is_known_by_the_id_of_the_mail(
    desk: Desk, database: Database, tokens: MailTokens
) -> None:
    delivery = sent_mail(database)
    own = tokens.message_id(TICKET, delivery, "desk.example")
    assert taken(desk, bounce(message_id=own))["suppressed"]


def test_a_complaint_blocks_for_good(desk: Desk, database: Database, tokens: MailTokens) -> None:
    own = tokens.message_id(TICKET, sent_mail(database), "desk.example")
    assert taken(desk, complaint(message_id=own))["suppressed"]
    [blocked] = desk.ok("GET", "/v1/mail/suppressions")["items"]
    assert (blocked["reason"], blocked["until"]) == ("complaint", None)


def test_the_third_passing_refusal_blocks(
    desk: Desk, database: Database, tokens: MailTokens
) -> None:
    for number in range(3):
        own = tokens.message_id(TICKET, sent_mail(database), "desk.example")
        told = taken(desk, bounce(message_id=own, status="4.2.2"))
        assert told["suppressed"] == (number == 2)


def test_nobody_can_have_an_address_blocked_by_a_bounce_they_made_up(
    desk: Desk, database: Database
) -> None:
    delivery = sent_mail(database)
    forged = f"<{TICKET}.{delivery}.{'a' * 16}@desk.example>"
    for content in (
        bounce(message_id=forged),
        bounce(to=f"bounces+{'a' * 42}@desk.example"),
        b"Subject: hello\r\n\r\nhello",
        b"\xff\x00",
    ):
        told = taken(desk, content)
        assert (told["delivery_id"], told["suppressed"]) == (None, False)
    assert rows(database, MailSuppression) == rows(database, DeliveryAttempt) == []


def test_later_reports_of_another_kind_count_and_the_ledger_tells_what_came_back(
    desk: Desk, database: Database, tokens: MailTokens
) -> None:
    delivery = sent_mail(database)
    own = tokens.message_id(TICKET, delivery, "desk.example")

    def told(content: bytes) -> tuple[str, list[str], bool]:
        suppressed = taken(desk, content)["suppressed"]
        shown = desk.ok("GET", f"/v1/deliveries/{delivery}")
        return shown["state"], [each["outcome"] for each in shown["tries"]], suppressed

    delay = bounce(message_id=own, action="delayed", status="4.4.1")
    for _ in range(2):
        assert told(delay) == ("delivered", ["delayed"], False)
    failed = told(bounce(message_id=own, status="4.2.2"))
    assert failed == ("bounced", ["delayed", "bounced"], False)
    complained = told(complaint(message_id=own))
    assert complained == ("bounced", ["delayed", "bounced", "complained"], True)
    other = sent_mail(database, "olga@example.com")
    taken(desk, complaint(message_id=tokens.message_id(TICKET, other, "desk.example")))
    assert desk.ok("GET", f"/v1/deliveries/{other}")["state"] == "delivered"


def test_a_delay_is_only_told(desk: Desk, database: Database, tokens: MailTokens) -> None:
    own = tokens.message_id(TICKET, sent_mail(database), "desk.example")
    told = taken(desk, bounce(message_id=own, action="delayed", status="4.4.1"))
    assert told["suppressed"] is False
    assert rows(database, MailSuppression) == []


def stands_for(database: Database, address: str) -> str:
    mac = SigningKeys(database, SystemClock()).mac(ADDRESS_PURPOSE, address)
    return target_of_address(mac)


def test_an_address_is_written_to_again_once_somebody_says_so(
    desk: Desk, database: Database, tokens: MailTokens
) -> None:
    own = tokens.message_id(TICKET, sent_mail(database), "desk.example")
    taken(desk, bounce(message_id=own))
    path = "/v1/mail/suppressions/MIRA@example.com"
    assert desk.call("DELETE", path).status_code == 204
    assert desk.ok("GET", "/v1/mail/suppressions")["items"] == []
    [entry] = [row for row in rows(database, AuditEntry) if row["action"] == "suppression.lifted"]
    assert entry["target"] == stands_for(database, "mira@example.com")
    assert "mira" not in str(entry).lower()
    assert_problem(desk.call("DELETE", path), 404, "not-found")


def test_suppressions_come_page_by_page(desk: Desk, database: Database, tokens: MailTokens) -> None:
    for name in ("c", "a", "b"):
        delivery = sent_mail(database, f"{name}@example.com")
        taken(desk, bounce(message_id=tokens.message_id(TICKET, delivery, "d.example")))
    first = desk.ok("GET", "/v1/mail/suppressions?limit=2")
    assert [each["address"][0] for each in first["items"]] == ["a", "b"]
    rest = desk.ok("GET", f"/v1/mail/suppressions?limit=2&after={first['next']}")
    assert [each["address"][0] for each in rest["items"]] == ["c"]
    assert rest["next"] is None


def test_it_takes_the_right_and_the_right_kind_of_body(desk: Desk, database: Database) -> None:
    reader = Desk(desk.app, create_key(database, "reader", ["mail:read"]))
    assert_problem(post(reader, b"x"), 403, "forbidden")
    assert reader.ok("GET", "/v1/mail/suppressions")["items"] == []
    refused = desk.call("POST", "/v1/mail/bounces", {"mail": "x"})
    assert_problem(refused, 415, "unsupported-media-type")


def test_a_mail_server_may_pipe_bounces_into_the_command(
    mode: Mode, database: Database, tokens: MailTokens, tmp_path: Any
) -> None:
    delivery = sent_mail(database)
    path = tmp_path / "bounce.eml"
    path.write_bytes(bounce(message_id=tokens.message_id(TICKET, delivery, "desk.example")))
    environment = {"PATCHBAY_DATABASE_URL": mode.database_url}
    done = run_command("mail", "bounce", path, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{delivery} to Mira@example.com: no more mails go there" in done.stdout
    [entry] = rows(database, AuditEntry)
    assert (entry["action"], entry["details"]) == ("suppression.made", {"delivery": delivery})
    assert entry["target"] == stands_for(database, "mira@example.com")
    path.write_bytes(b"Subject: hello\r\n\r\nhello")
    done = run_command("mail", "bounce", path, environment=environment)
    assert done.returncode == 0
    assert "ignored: it is about no mail of ours" in done.stdout


def test_agents_say_what_they_want(desk: Desk) -> None:
    agent = desk.agent()
    path = f"/v1/agents/{agent}/mail-preferences"
    defaults = {
        "off": [],
        "quiet_hours": None,
        "digest": "none",
        "digest_at": "08:00",
        "time_zone": None,
    }
    assert desk.ok("GET", path) == defaults
    wanted = {
        "off": ["ticket_reassigned"],
        "quiet_hours": {"from": "22:00", "until": "07:00"},
        "digest": "daily",
        "digest_at": "09:30",
        "time_zone": "Europe/Berlin",
    }
    assert desk.ok("PUT", path, wanted) == desk.ok("GET", path) == wanted
    assert desk.ok("PUT", path, {}) == defaults
    assert_problem(desk.call("GET", "/v1/agents/agt_x/mail-preferences"), 404, "not-found")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"off": ["nonsense"]}, "/off/0"),
        ({"off": ["ticket_resolved"]}, "/off/0"),
        ({"quiet_hours": {"from": "22:00"}}, "/quiet_hours/until"),
        ({"quiet_hours": {"from": "24:00", "until": "7"}}, "/quiet_hours/from"),
        ({"digest": "weekly"}, "/digest"),
        ({"time_zone": "Mars/Base"}, "/time_zone"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(
    desk: Desk, wrong: dict[str, Any], pointer: str
) -> None:
    agent = desk.agent()
    response = desk.call("PUT", f"/v1/agents/{agent}/mail-preferences", wrong)
    problem = assert_problem(response, 422, "invalid-input")
    assert pointer in {error["pointer"] for error in problem["errors"]}


def test_requesters_cannot_switch_off_what_carries_their_ticket_on(desk: Desk) -> None:
    requester = desk.ticket()["requester"]
    found = desk.read(desk.ticket()["id"])["requester"]["id"]
    assert requester
    path = f"/v1/requesters/{found}/mail-preferences"
    assert desk.ok("PUT", path, {"off": ["rating_requested"]})["off"] == ["rating_requested"]
    assert desk.ok("GET", path)["off"] == ["rating_requested"]
    refused = desk.call("PUT", path, {"off": ["ticket_answered"]})
    assert_problem(refused, 422, "invalid-input")


def test_one_click_unsubscribes_and_opening_the_link_does_not(
    desk: Desk, database: Database
) -> None:
    """RFC 8058: the mail provider posts, without anything of a browser."""
    requester = desk.read(desk.ticket()["id"])["requester"]["id"]
    links = PublicLinks(SigningKeys(database, SystemClock()), "")
    path = links.unsubscribe(requester, "rating_requested")
    client = desk.app.test_client()
    page = client.get(path, headers={"Accept-Language": "ru"})
    assert page.status_code == 200
    assert "Отписаться" in page.get_data(as_text=True)
    assert rows(database, MailPreference) == []
    for _ in range(2):
        done = client.post(
            path,
            data="List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
        )
        assert done.status_code == 200
        assert "Set-Cookie" not in done.headers
    wanted = desk.ok("GET", f"/v1/requesters/{requester}/mail-preferences")
    assert wanted["off"] == ["rating_requested"]
    forged = client.post(path[:-2] + "xx", data="List-Unsubscribe=One-Click")
    assert forged.status_code == 404


def test_a_provider_that_posts_for_many_people_is_limited_by_link_and_not_by_its_address(
    desk: Desk, database: Database
) -> None:
    links = PublicLinks(SigningKeys(database, SystemClock()), "")
    client = desk.app.test_client()

    def click(person: str) -> int:
        data = "List-Unsubscribe=One-Click"
        return client.post(links.unsubscribe(person, "digest"), data=data).status_code

    assert {click(f"agt_{number}") for number in range(80)} == {200}
    assert [click("agt_1") for _ in range(LINK_LIMIT_PER_HOUR)] == [200] * (
        LINK_LIMIT_PER_HOUR - 1
    ) + [429]
    agent = desk.agent()
    path = f"/v1/agents/{agent}/mail-preferences"
    desk.ok("PUT", path, {"off": ["ticket_reassigned"], "digest": "daily"})
    assert "digests" in client.get(links.unsubscribe(agent, "digest")).get_data(as_text=True)
    assert click(agent) == 200
    assert desk.ok("GET", path)["off"] == ["digest", "ticket_reassigned"]


def test_who_is_erased_leaves_no_wishes_and_no_blocked_address(
    desk: Desk, database: Database, tokens: MailTokens
) -> None:
    requester = desk.read(desk.ticket()["id"])["requester"]["id"]
    desk.ok("PUT", f"/v1/requesters/{requester}/mail-preferences", {"off": ["ticket_closed"]})
    delivery = sent_mail(database, "mira@example.com")
    taken(desk, bounce(message_id=tokens.message_id(TICKET, delivery, "desk.example")))
    assert rows(database, MailSuppression)
    response = desk.call("POST", f"/v1/requesters/{requester}/erase", {})
    assert response.status_code in (200, 204), response.get_data(as_text=True)
    assert rows(database, MailPreference) == rows(database, MailSuppression) == []
