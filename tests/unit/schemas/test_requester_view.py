"""Every field that a requester's key could meet is declared: shown or withheld, theirs or not."""

import pytest

from shared.domain.search.fields import FIELDS
from shared.schemas import requester_view as declared
from shared.schemas.requester_view import VIEWS, View, ticket_view
from shared.schemas.ticket import CreateTicketSchema
from shared.schemas.ticket_list import TicketFilterSchema


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.of.__name__)
def test_each_field_is_either_public_or_withheld(view: View) -> None:
    assert view.public | view.withheld == set(view.of().fields)
    assert not view.public & view.withheld
    assert set(view.members) <= view.public


def test_each_field_of_a_new_ticket_is_either_the_requesters_or_the_desks() -> None:
    assert set(CreateTicketSchema().fields) == declared.SETTABLE | declared.NOT_SETTABLE
    assert not declared.SETTABLE & declared.NOT_SETTABLE


def test_each_filter_is_either_open_to_requesters_or_not() -> None:
    assert set(TicketFilterSchema().fields) | set(FIELDS) == declared.FILTERS | declared.NO_FILTERS
    assert not declared.FILTERS & declared.NO_FILTERS


@pytest.mark.parametrize(
    ("status", "seen"),
    [("pending_customer", {"note": "Which?", "until": None}), ("on_hold", {"until": None})],
)
def test_the_note_of_a_pause_is_for_the_requester_who_is_waited_for(
    status: str, seen: dict[str, object]
) -> None:
    hold = {"reason": "vendor", "note": "Which?", "until": None}
    assert ticket_view({"status": status, "hold": hold})["hold"] == seen
