"""What would happen now? Asked over the API, answered by the router, changing nothing."""

from collections.abc import Callable

from services.intake.api import explain
from shared.db.models import Ticket, TicketEvent
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.schemas.explain import ExplainedSchema
from tests.desk import Desk, ticket_body
from tests.rows import rows


def test_a_ticket_that_was_never_sent_is_explained_and_not_made(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    start_host(runtime, ["router"])
    desk.skill("vpn")
    agent = desk.agent(3, skills={"vpn": 4})
    desk.agent(3)
    ticket = ticket_body(required_skills=[{"skill": "vpn", "level": 2}])
    told = desk.ok("POST", "/v1/routing/explain", {"ticket": ticket})
    assert (told["outcome"], told["agent"]["id"]) == ("assigned", agent)
    assert [c["agent_id"] for c in told["explanation"]["candidates"]] == [agent]
    assert told["explanation"]["rejected"][0]["reason"] == "lacks vpn at level 2"
    assert ExplainedSchema().validate(told) == {}
    assert rows(runtime.database, Ticket) == []
    assert desk.read_agent(agent)["load"] == 0


def test_a_ticket_that_waits_is_explained_and_stays_as_it_is(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    start_host(runtime, ["router"])
    ticket = desk.ticket()["id"]
    before = rows(runtime.database, TicketEvent)
    told = desk.ok("POST", "/v1/routing/explain", {"ticket_id": ticket})
    assert told["outcome"] == "waiting"
    assert told["reason"] == "there are no agents"
    assert len(rows(runtime.database, TicketEvent)) >= len(before)
    assert desk.assignee(ticket) is None


def test_without_a_router_the_answer_is_503_and_says_so(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(explain, "PATIENCE_S", 0.1)
    refused = desk.call("POST", "/v1/routing/explain", {"ticket": ticket_body()})
    assert refused.status_code == 503
    assert "No router answered" in refused.get_json()["detail"]
    assert "Retry-After" in refused.headers


def test_a_question_is_about_one_ticket(desk: Desk) -> None:
    for body in ({}, {"ticket": ticket_body(), "ticket_id": "tkt_1"}):
        assert desk.call("POST", "/v1/routing/explain", body).status_code == 422
    unknown = desk.call("POST", "/v1/routing/explain", {"ticket_id": "tkt_1"})
    assert unknown.status_code == 404
    nowhere = {"ticket": ticket_body(team="nowhere")}
    assert desk.call("POST", "/v1/routing/explain", nowhere).status_code == 422
