"""The audit finds each broken promise, and nothing where all are kept."""

from dataclasses import replace
from typing import Any

import pytest

from services.demo.audit import audit, state_of
from services.demo.ledger import Ledger
from services.demo.truth import Truth
from shared.domain.agent import Presence
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

MAILS = frozenset({"dlv_1"})


def ticket(**changed: Any) -> dict[str, Any]:
    return {
        "id": "tkt_1",
        "version": 2,
        "status": TicketStatus.OPEN,
        "work_state": WorkState.DONE,
        "assignee_id": "agt_1",
        "team": "network",
        "required_skills": [{"skill": "vpn", "level": 2}],
        **changed,
    }


WAITING = ticket(status=TicketStatus.NEW, work_state=WorkState.WAITING, assignee_id=None)

#: One ticket, assigned to the one agent, who has room for one more; everything told.
GOOD = Truth(
    tickets={"tkt_1": ticket()},
    agents={"agt_1": {"id": "agt_1", "presence": Presence.ONLINE, "capacity": 2, "load": 1}},
    skills={"agt_1": {"vpn": 2}},
    teams={"agt_1": frozenset({"network"})},
    open_assignments=[{"ticket_id": "tkt_1", "agent_id": "agt_1", "weight": 1}],
    events={"evt_1": ("tkt_1", 1), "evt_2": ("tkt_1", 2)},
    reasons={},
    subscriptions=frozenset({"whk_1"}),
    webhooks={("evt_1", "whk_1"): True, ("evt_2", "whk_1"): True},
    mails={"dlv_1": True},
)


def ledger(**changed: Any) -> Ledger:
    return Ledger(**{"accepted": {"tkt_1": 0.0}, "events": {"evt_1", "evt_2"}, **changed})


def findings(truth: Truth, seen: Ledger | None = None) -> dict[str, int]:
    return {finding.what: finding.count for finding in audit(truth, seen or ledger(), MAILS)}


def test_a_desk_that_kept_its_promises_is_found_clean() -> None:
    assert findings(GOOD) == {}


@pytest.mark.parametrize(
    ("broken", "finding"),
    [
        (replace(GOOD, tickets={}), "accepted tickets that are gone"),
        (
            replace(GOOD, tickets={**GOOD.tickets, "tkt_2": ticket(id="tkt_2")}),
            "tickets that were made twice",
        ),
        (
            replace(GOOD, tickets={"tkt_1": ticket(work_state=WorkState.READY, assignee_id=None)}),
            "tickets neither assigned, waiting nor resolved",
        ),
        (replace(GOOD, tickets={"tkt_1": WAITING}), "tickets that wait for no stated reason"),
        (
            replace(GOOD, tickets={"tkt_1": WAITING}, reasons={"tkt_1": "is at capacity (1)"}),
            "tickets that wait although an agent is free",
        ),
        (
            replace(GOOD, open_assignments=[*GOOD.open_assignments, *GOOD.open_assignments]),
            "tickets assigned twice at once",
        ),
        (replace(GOOD, open_assignments=[]), "tickets whose assignment says otherwise"),
        (
            replace(GOOD, agents={"agt_1": {**GOOD.agents["agt_1"], "capacity": 0}}),
            "agents over their capacity",
        ),
        (
            replace(GOOD, agents={"agt_1": {**GOOD.agents["agt_1"], "load": 2}}),
            "agents whose load is not the sum of their tickets",
        ),
        (
            replace(GOOD, events={"evt_1": ("tkt_1", 1)}),
            "tickets with a gap in their events",
        ),
        (
            replace(GOOD, webhooks={("evt_1", "whk_1"): True, ("evt_2", "whk_1"): False}),
            "webhooks that were not delivered",
        ),
        (replace(GOOD, mails={"dlv_1": False}), "e-mails that were not written"),
        (replace(GOOD, mails={"dlv_2": True}), "e-mails that were not written"),
    ],
)
def test_each_broken_promise_is_found(broken: Truth, finding: str) -> None:
    assert findings(broken)[finding] == 1


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"failures": ["POST /v1/tickets: 500"]}, "requests that failed"),
        ({"events": {"evt_1"}}, "webhooks said to be delivered that never came"),
        ({"forged": 1}, "webhooks with a signature that is wrong"),
        ({"disordered": 1}, "webhooks out of their ticket's order"),
    ],
)
def test_what_was_seen_outside_counts_as_well(changed: dict[str, Any], finding: str) -> None:
    assert findings(GOOD, ledger(**changed)) == {finding: 1}


@pytest.mark.parametrize(
    "obstacle",
    [
        {"agents": {"agt_1": {**GOOD.agents["agt_1"], "load": 2}}},
        {"agents": {"agt_1": {**GOOD.agents["agt_1"], "presence": Presence.AWAY}}},
        {"skills": {"agt_1": {"vpn": 1}}},
        {"teams": {"agt_1": frozenset({"payroll"})}},
    ],
    ids=["full", "away", "unskilled", "stranger"],
)
def test_a_ticket_may_wait_when_nobody_can_take_it(obstacle: dict[str, Any]) -> None:
    waits = replace(GOOD, tickets={"tkt_1": WAITING}, reasons={"tkt_1": "so"}, **obstacle)
    assert "tickets that wait although an agent is free" not in findings(waits)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "assigned"),
        ({"status": TicketStatus.RESOLVED}, "resolved"),
        ({"status": TicketStatus.CLOSED}, "closed"),
        ({"status": TicketStatus.NEW, "work_state": WorkState.WAITING}, "waiting"),
        ({"status": TicketStatus.NEW, "work_state": WorkState.READY}, None),
        ({"status": TicketStatus.NEW, "work_state": WorkState.DEAD}, None),
        ({"assignee_id": None}, None),
    ],
)
def test_a_ticket_is_somewhere_or_lost(changed: dict[str, Any], state: str | None) -> None:
    assert state_of(ticket(**changed)) == state
