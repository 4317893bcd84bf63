"""Where a ticket has to be: each status has a place, and what fits nowhere is noticed."""

import pytest

from shared.domain.placement import PLACES, expected_holder, is_placed
from shared.domain.ticket import OPEN_STATUSES, PAUSED_STATUSES, TicketStatus
from shared.domain.work import WorkState

ALIVE = OPEN_STATUSES | PAUSED_STATUSES


def test_every_status_has_a_place() -> None:
    assert set(PLACES) == set(TicketStatus)


@pytest.mark.parametrize("status", TicketStatus)
def test_no_list_looks_at_what_is_over_or_paused(status: TicketStatus) -> None:
    looked_at = status in OPEN_STATUSES
    assert is_placed(status, WorkState.READY, "agt_1" if status == "open" else None, None) is (
        looked_at
    )


@pytest.mark.parametrize("state", [WorkState.DONE, WorkState.IDLE, WorkState.CANCELLED])
def test_a_new_ticket_that_no_list_looks_at_is_lost(state: WorkState) -> None:
    assert not is_placed(TicketStatus.NEW, state, None, None)


def test_who_is_asked_has_it_until_the_time_is_over() -> None:
    assert is_placed(TicketStatus.NEW, WorkState.READY, None, "agt_1")
    assert not is_placed(TicketStatus.NEW, WorkState.WAITING, None, "agt_1")
    assert expected_holder(TicketStatus.NEW, None, "agt_1") == "agt_1"
    assert expected_holder(TicketStatus.NEW, None, None) is None


def test_an_open_ticket_has_an_agent_and_a_paused_one_may_keep_it() -> None:
    assert not is_placed(TicketStatus.OPEN, WorkState.DONE, None, None)
    assert is_placed(TicketStatus.ON_HOLD, WorkState.DONE, None, None)
    assert expected_holder(TicketStatus.ON_HOLD, "agt_1", None) == "agt_1"
    assert expected_holder(TicketStatus.RESOLVED, "agt_1", None) is None


def test_a_word_that_nobody_knows_has_no_place() -> None:
    assert not is_placed("teleported", WorkState.DONE, None, None)
    assert expected_holder("teleported", "agt_1", None) is None
