"""Which mails an event sends, and to whom."""

import pytest

from services.notifier.mail.kinds import TELLING, mails_of
from shared.domain.delivery import MailKind
from shared.domain.event import EventType
from tests.mail_events import AGENT, ANSWER, ASSIGNMENT, BEFORE, COMMENT, EVENTS, event, ticket

MIRA, IVAN, OLGA = "mira@example.com", AGENT["email"], BEFORE["email"]


def told(event_type: str, *alerts_to: str, **data: object) -> list[tuple[MailKind, str]]:
    data.setdefault("ticket", ticket())
    return [(kind, to.address) for kind, to in mails_of(event_type, data, alerts_to)]


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if kind is not MailKind.DIGEST])
def test_every_kind_of_mail_is_sent_by_an_event(kind: MailKind) -> None:
    found = event(kind)
    assert kind in {each for each, _ in mails_of(found["type"], found["data"])}


@pytest.mark.parametrize("event_type", [each for each in EventType if each not in TELLING])
def test_other_events_send_no_mail(event_type: EventType) -> None:
    assert told(event_type) == []


@pytest.mark.parametrize("event_type", [*TELLING])
def test_nothing_imported_or_erased_sends_a_mail(event_type: EventType) -> None:
    everything = {**ASSIGNMENT, "comment": COMMENT, "from_agent": BEFORE, "returned_from": AGENT}
    assert told(event_type, **everything)
    assert told(event_type, **everything, imported=True) == []
    erased = ticket(requester={"erased": True})
    assert told(event_type, **everything, ticket=erased) == []


def test_internal_words_stay_inside_and_public_ones_reach_the_requester() -> None:
    internal = {**COMMENT, "visibility": "internal"}
    assert told("ticket.commented", comment=internal) == []
    assert told("ticket.commented", comment=COMMENT) == [(MailKind.TICKET_ANSWERED, MIRA)]


def test_an_answer_goes_to_whoever_has_the_ticket() -> None:
    assert told("ticket.commented", comment=ANSWER) == [(MailKind.ANSWER_ARRIVED, IVAN)]
    assert told("ticket.commented", comment=ANSWER, ticket=ticket(assignee=None)) == []


def test_who_had_the_ticket_learns_that_it_is_theirs_no_more() -> None:
    both = [(MailKind.TICKET_ASSIGNED, IVAN), (MailKind.TICKET_REASSIGNED, OLGA)]
    assert told("ticket.assigned", **ASSIGNMENT, from_agent=BEFORE) == both
    assert told("ticket.assigned", **ASSIGNMENT, from_agent=AGENT) == both[:1]
    assert told("ticket.returned", returned_from=BEFORE) == both[1:]


def test_a_rating_is_asked_for_once_and_only_for_a_solution() -> None:
    assert told("ticket.closed") == [(MailKind.RATING_REQUESTED, MIRA)]
    for closed in (ticket(satisfaction={"score": 5}), ticket(resolution=None)):
        assert told("ticket.closed", ticket=closed) == [(MailKind.TICKET_CLOSED, MIRA)]


def test_time_that_passes_for_nobodys_ticket_is_told_to_those_who_watch() -> None:
    lost = ticket(assignee=None)
    leads = ("lead@desk.example", "boss@desk.example")
    for event_type, kind in (
        ("ticket.sla_warned", MailKind.SLA_WARNED),
        ("ticket.sla_breached", MailKind.SLA_BREACHED),
    ):
        assert told(event_type, *leads, ticket=lost) == [(kind, lead) for lead in leads]
        assert told(event_type, ticket=lost) == []
        assert told(event_type, *leads) == [(kind, IVAN)]


def test_nobody_gets_two_mails_of_one_event() -> None:
    herself = {**AGENT, "id": "agt_9", "email": IVAN.upper()}
    assert told("ticket.assigned", **ASSIGNMENT, from_agent=herself) == [
        (MailKind.TICKET_ASSIGNED, IVAN)
    ]


def test_who_has_no_address_gets_no_mail() -> None:
    assert told("ticket.created", ticket=ticket(requester={"email": None})) == []
