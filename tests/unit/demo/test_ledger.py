"""What the outside notes about the events it receives."""

from typing import Any

from services.demo.ledger import Ledger


def event(sequence: int, what: str = "updated", ticket: str = "tkt_1") -> dict[str, Any]:
    return {
        "id": f"evt_{ticket}_{sequence}",
        "type": f"ticket.{what}",
        "sequence": sequence,
        "timestamp": "2026-01-02T03:04:05.500000Z",
        "data": {"ticket": {"id": ticket}},
    }


def test_events_in_order_are_all_well() -> None:
    ledger = Ledger()
    for sequence in (1, 2, 3):
        assert ledger.receive(event(sequence), 0.0)
    assert (len(ledger.events), ledger.disordered, ledger.duplicates) == (3, 0, 0)


def test_an_event_that_comes_again_is_counted_once() -> None:
    ledger = Ledger()
    assert ledger.receive(event(1), 0.0)
    assert not ledger.receive(event(1), 1.0)
    assert (len(ledger.events), ledger.duplicates, ledger.disordered) == (1, 1, 0)


def test_an_event_that_overtakes_another_is_noticed() -> None:
    ledger = Ledger()
    for sequence in (1, 3, 2):
        ledger.receive(event(sequence), 0.0)
    assert ledger.disordered == 2


def test_tickets_do_not_wait_for_each_other() -> None:
    ledger = Ledger()
    for ticket in ("tkt_1", "tkt_2"):
        ledger.receive(event(1, ticket=ticket), 0.0)
    assert ledger.disordered == 0


def test_the_first_assignment_counts_and_whether_it_was_at_once() -> None:
    ledger = Ledger()
    ledger.receive(event(1, "created"), 0.0)
    ledger.receive(event(2, "assigned"), 7.0)
    ledger.receive(event(3, "returned"), 8.0)
    assert not ledger.assigned
    ledger.receive(event(4, "assigned"), 9.0)
    first = ledger.first_assignments["tkt_1"]
    assert (first.told_at, first.at_once) == (7.0, True)
    assert first.at % 60 == 5.5


def test_a_ticket_that_waited_was_not_assigned_at_once() -> None:
    ledger = Ledger()
    for sequence, what in enumerate(("created", "waiting", "assigned"), 1):
        ledger.receive(event(sequence, what), 0.0)
    assert not ledger.first_assignments["tkt_1"].at_once
