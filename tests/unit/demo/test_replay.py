"""Incidents as tickets, and their rhythm."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from services.demo.incident import load_incidents
from services.demo.replay import LONGEST_HANDLING_S, TICKETS_PER_S, handling_s, plan
from shared.schemas.ticket import CreateTicketSchema


def test_the_api_accepts_every_ticket() -> None:
    postings = plan(load_incidents(), 1.0)
    CreateTicketSchema(many=True).load([posting.body for posting in postings])


def test_tickets_are_due_in_order_and_at_the_promised_rate() -> None:
    postings = plan(load_incidents(), 2.0)
    assert all(earlier.due_s <= later.due_s for earlier, later in pairwise(postings))
    assert postings[0].due_s == 0
    assert postings[-1].due_s == pytest.approx(len(postings) / TICKETS_PER_S / 2)


def test_a_night_is_no_longer_than_a_quiet_moment() -> None:
    first = load_incidents()[0]
    moments = [timedelta(0), timedelta(minutes=10), timedelta(hours=12)]
    log = [replace(first, opened_at=first.opened_at + moment) for moment in moments]
    evening, midnight, morning = (posting.due_s for posting in plan(log, 1.0))
    assert morning - midnight == pytest.approx(midnight - evening)


def test_a_sample_that_begins_again_does_not_go_back_in_time() -> None:
    incidents = load_incidents()[:3]
    postings = plan([*incidents, *incidents], 1.0)
    assert all(earlier.due_s <= later.due_s for earlier, later in pairwise(postings))
    assert len({posting.key for posting in postings}) == 6


def test_what_lay_for_weeks_or_has_no_end_takes_the_longest() -> None:
    first = load_incidents()[0]
    day = replace(first, resolved_at=first.opened_at + timedelta(days=1))
    weeks = replace(first, resolved_at=first.opened_at + timedelta(weeks=5))
    unknown = replace(first, resolved_at=None)
    assert 0 < handling_s(day) < handling_s(weeks) == handling_s(unknown) == LONGEST_HANDLING_S
