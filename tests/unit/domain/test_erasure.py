"""What is left of tickets, events and decisions."""

from typing import Any

from shared.domain.erasure import (
    ERASED,
    erased_document,
    erased_event,
    erased_explanation,
    erased_fields,
    is_erased,
)

TICKET: dict[str, Any] = {
    "number": 7,
    "priority": "high",
    "subject": "Mira's laptop",
    "description": "Mira wrote.",
    "steps_to_reproduce": None,
    "error_messages": ["Mira"],
    "custom_fields": {"who": "Mira"},
    "external_id": "mira-7",
    "requester": {"id": "rqr_1", "email": "mira@example.com"},
    "resolution": {"summary": "Told Mira.", "cause": None},
    "impact_details": {"delays": "Mira waits.", "costs": None, "productivity": None},
    "hold": {"reason": "vendor", "note": "Mira's vendor.", "until": None},
    "verification": {"method": "test", "passed": True, "by": "Mira", "what": None, "at": "now"},
    "satisfaction": {"score": 4, "comment": "Mira thanks."},
}


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"id": "evt_1", "type": kind, "data": {"ticket": TICKET, **data}}


def test_what_people_wrote_goes_and_what_counts_stays() -> None:
    left = erased_document(TICKET)
    assert "mira" not in str(left).casefold()
    assert (left["number"], left["priority"]) == (7, "high")
    assert left["steps_to_reproduce"] is None
    assert left["resolution"] == {"summary": ERASED, "cause": None}
    assert left["requester"]["id"] == "rqr_1"
    assert (is_erased(TICKET), is_erased(left)) == (False, True)


def test_erasing_again_changes_nothing() -> None:
    left = erased_document(TICKET)
    assert erased_fields(left) == {}
    told = erased_event(event("ticket.declined", reason="Mira again"))
    assert erased_event(told) == told


def test_of_an_events_data_only_what_is_known_to_be_of_the_desk_stays() -> None:
    agent = {"id": "agt_1", "name": "Ann Lee", "email": "ann@example.com"}
    told = erased_event(
        event(
            "ticket.declined",
            declined_by=agent,
            expired=False,
            reason="Mira again",
            words={"id": "cmt_1", "texts": ["Mira"], "minutes": 5},
        )
    )
    assert told["data"] == {
        "ticket": erased_document(TICKET),
        "declined_by": agent,
        "expired": False,
        "reason": ERASED,
        "words": {"id": ERASED, "texts": [ERASED], "minutes": 5},
    }


def test_the_reason_why_a_ticket_waits_is_the_routers_and_stays() -> None:
    told = erased_event(event("ticket.waiting", reason="nobody is online"))
    assert told["data"]["reason"] == "nobody is online"


def test_a_decision_loses_the_texts_that_may_quote_the_ticket() -> None:
    explanation = {
        "rule_errors": ["rule 'a': no number: Mira"],
        "faults": [{"kind": "scorer", "plugin": "p", "error": "Mira"}],
        "by_hand": {"actor": "key:1", "guard": True, "reason": "Mira asked"},
        "winner": "agt_1",
    }
    left = erased_explanation(explanation)
    assert "mira" not in str(left).casefold()
    assert left["winner"] == "agt_1"
    assert erased_explanation({"winner": None}) == {"winner": None}
