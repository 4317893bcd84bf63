"""One ticket all the way: posted, assigned, told about, resolved, closed, reopened."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
import standardwebhooks

from shared.runtime import Runtime
from shared.settings import Settings
from tests.desk import Desk
from tests.invariants import assert_sound
from tests.receiver import Receiver
from tests.waiting import eventually


def mails(settings: Settings) -> list[EmailMessage]:
    """The mails written so far, as their readers would parse them."""
    folder = Path(settings.email_url.removeprefix("file:"))
    parser = BytesParser(policy=policy.default)
    return [parser.parsebytes(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]


def assigned(desk: Desk, ticket_id: str) -> str:
    return str(eventually(lambda: desk.assignee(ticket_id)))


def test_a_ticket_is_posted_assigned_resolved_closed_and_reopened(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    desk.webhook(receiver.url)
    agent = desk.agent(1)
    ticket_id = desk.ticket()["id"]
    assert assigned(desk, ticket_id) == agent
    assert desk.read(ticket_id)["status"] == "open"
    assert desk.read_agent(agent)["load"] == 1

    resolved = desk.step(ticket_id, "resolve", resolution={"summary": "Rebooted the gateway."})
    assert resolved["status"] == "resolved"
    assert resolved["resolution"]["summary"] == "Rebooted the gateway."
    assert desk.read_agent(agent)["load"] == 0
    assert desk.step(ticket_id, "close")["status"] == "closed"
    reopened = desk.step(ticket_id, "reopen")
    assert (reopened["status"], reopened["assignee"]) == ("new", None)
    assert assigned(desk, ticket_id) == agent

    life = [
        "ticket.created",
        "ticket.assigned",
        "ticket.resolved",
        "ticket.closed",
        "ticket.reopened",
        "ticket.assigned",
    ]
    assert desk.event_types(ticket_id) == life
    receiver.wait_for(len(life))
    assert receiver.types(ticket_id) == life
    assert_sound(runtime.database)


def test_what_the_receiver_gets_is_the_stored_event_signed_by_standard_webhooks(
    working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    secret = desk.webhook(receiver.url)["secret"]
    desk.agent(5)
    ticket_id = desk.ticket(subject="Größe 50 % 🙂")["id"]
    received = receiver.wait_for(2)
    stored = desk.events(ticket_id)
    verifier = standardwebhooks.Webhook(secret)
    for each, event in zip(received, stored, strict=True):
        assert verifier.verify(each.body, dict(each.headers)) == event
        assert each.headers["webhook-id"] == event["id"]
        assert each.headers["content-type"] == "application/json"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verifier.verify(received[0].body.replace(b"50", b"51"), dict(received[0].headers))


def test_requester_and_assignee_get_their_mails(working_desk: Desk, settings: Settings) -> None:
    desk = working_desk
    desk.agent(5, email="ann@example.com", name="Ann Lee")
    ticket = desk.ticket(requester={"name": "Mira", "email": "mira@example.com", "locale": "de"})
    assigned(desk, ticket["id"])
    eventually(lambda: len(mails(settings)) == 2)
    desk.step(ticket["id"], "resolve", resolution={"summary": "Rebooted the gateway."})
    eventually(lambda: len(mails(settings)) == 3)
    written = mails(settings)
    recipients = sorted(mail["To"].addresses[0].addr_spec for mail in written)
    assert recipients == ["ann@example.com", "mira@example.com", "mira@example.com"]
    for mail in written:
        assert f"#{ticket['number']}" in mail["Subject"]
        assert mail["From"].addresses[0].addr_spec == "support@patchbay.example"


def test_one_correlation_id_runs_from_the_request_to_the_webhook(
    working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    desk.webhook(receiver.url)
    desk.agent(1)
    headers = {"X-Request-Id": "my-request-1"}
    body = {"subject": "s", "requester": {"name": "n"}}
    response = desk.call("POST", "/v1/tickets", body, headers=headers)
    assert response.headers["X-Request-Id"] == "my-request-1"
    received = receiver.wait_for(2)
    assert {each.event["correlation_id"] for each in received} == {"my-request-1"}


def test_each_decision_says_who_was_considered_and_why_not_the_others(working_desk: Desk) -> None:
    desk = working_desk
    desk.skill("vpn")
    desk.team("network")
    winner = desk.agent(5, skills={"vpn": 4}, teams=["network"])
    weak = desk.agent(5, skills={"vpn": 1}, teams=["network"])
    away = desk.agent(5, skills={"vpn": 5}, teams=["network"], presence="away")
    stranger = desk.agent(5, skills={"vpn": 5})
    full = desk.agent(0, skills={"vpn": 5}, teams=["network"])
    needed = [{"skill": "vpn", "level": 3}]
    ticket_id = desk.ticket(team="network", required_skills=needed)["id"]
    assert assigned(desk, ticket_id) == winner
    [decision] = desk.decisions(ticket_id)
    assert (decision["outcome"], decision["agent_id"]) == ("assigned", winner)
    explanation = decision["explanation"]
    assert [c["agent_id"] for c in explanation["candidates"]] == [winner]
    reasons = {r["agent_ids"][0]: (r["filter"], r["reason"]) for r in explanation["rejected"]}
    assert reasons == {
        weak: ("skills", "lacks vpn at level 3"),
        away: ("presence", "is away"),
        stranger: ("team", "not in team network"),
        full: ("capacity", "is at capacity"),
    }


def test_rules_send_a_ticket_to_its_team_and_the_decision_names_them(working_desk: Desk) -> None:
    desk = working_desk
    desk.skill("vpn")
    desk.team("network")
    agent = desk.agent(5, skills={"vpn": 3}, teams=["network"])
    desk.agent(5)
    rule = {
        "name": "vpn tickets",
        "when": 'ticket.category == "vpn"',
        "then": {
            "team": "network",
            "priority": "high",
            "required_skills": [{"skill": "vpn", "level": 2}],
        },
    }
    desk.ok("PUT", "/v1/routing/rules", {"rules": [rule]})
    ticket_id = desk.ticket(category="vpn")["id"]
    assert assigned(desk, ticket_id) == agent
    read = desk.read(ticket_id)
    assert (read["team"], read["priority"]) == ("network", "high")
    explanation = desk.decisions(ticket_id)[0]["explanation"]
    assert explanation["rules_fired"] == ["vpn tickets"]
    assert explanation["rules_version"] == 1
