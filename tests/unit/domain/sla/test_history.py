"""Clocks from a ticket's events alone: comments included, and where they do not agree."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.clock import rfc3339
from shared.domain.sla import SlaBook, moved, started
from shared.domain.sla.history import differences, metric_events, policies_named
from shared.domain.ticket import Priority
from tests.unit.domain.sla.cases import policy

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)
BOOK = SlaBook(
    policies={name: policy(name) for name in ("24x7", "berlin")} | {"default": policy("berlin")}
)
POLICIES = {(each.name, each.version): each for each in BOOK.policies.values()}


class History:
    """A ticket that is changed as the one place does it, without a database."""

    def __init__(self, *, clocks: bool = True) -> None:
        self.now = NOW
        self.row: dict[str, Any] = {
            "status": "new",
            "priority": Priority.MEDIUM,
            "sla_policy": None,
            "team": None,
            "created_at": NOW,
            "expected_resolution_at": NOW,
            "sla": None,
            "sla_due_at": None,
        }
        self.events: list[dict[str, Any]] = []
        begun = started(BOOK, self.row, NOW)
        if clocks:
            self.row |= begun.values
        self._tell("ticket.created", {}, begun.events if clocks else [])

    def change(self, event: str, data: dict[str, Any], **values: Any) -> None:
        after = {**self.row, **values}
        found = moved(BOOK, self.row, after, self.now, event, data)
        self.row = {**after, **found.values}
        self._tell(event, data, found.events)

    def comment(self, kind: str, visibility: str = "public") -> None:
        data = {"comment": {"author": {"kind": kind}, "visibility": visibility}}
        self.change("ticket.commented", data)

    def differences(self) -> list[str]:
        return differences(self.row["sla"], self.events, POLICIES)

    def _tell(self, event: str, data: dict[str, Any], told: list[dict[str, Any]]) -> None:
        ticket = {"status": self.row["status"], "priority": self.row["priority"].value}
        body = {"ticket": ticket, **data, **({"sla": told} if told else {})}
        self.events.append({"type": event, "timestamp": rfc3339(self.now), "data": body})


steps = st.tuples(
    st.integers(0, 20_000),
    st.sampled_from(["status", "priority", "policy", "comment", "internal", "look"]),
    st.sampled_from(["new", "open", "on_hold", "resolved", "closed", "spam"]),
    st.sampled_from(Priority),
    st.sampled_from(["agent", "requester", "api"]),
)


@given(st.lists(steps, max_size=15), st.booleans())
def test_every_history_follows_from_its_events(taken: list[Any], clocks: bool) -> None:  # noqa: FBT001
    history = History(clocks=clocks)
    for seconds, what, status, priority, kind in taken:
        history.now += timedelta(seconds=seconds)
        match what:
            case "status":
                history.change("ticket.updated", {}, status=status)
            case "priority":
                history.change("ticket.updated", {}, priority=priority)
            case "policy":
                named = "24x7" if priority is Priority.LOW else None
                history.change("ticket.updated", {}, sla_policy=named)
            case "look":
                history.change("ticket.updated", {})
            case _:
                history.comment(kind, "public" if what == "comment" else "internal")
    assert history.differences() == []


def test_a_reply_and_an_answer_are_read_from_comments() -> None:
    history = History()
    for kind in ("requester", "api", "agent", "requester", "agent"):
        history.now += timedelta(minutes=10)
        history.comment(kind)
    moves = [(each["metric"], each["type"]) for each in metric_events(history.events)[2:]]
    assert moves == [
        ("first_response", "fulfil"),
        ("next_response", "start"),
        ("next_response", "fulfil"),
    ]
    assert history.differences() == []


def test_an_event_that_is_missing_is_noticed() -> None:
    history = History()
    history.now += timedelta(hours=1)
    history.change("ticket.updated", {}, status="on_hold")
    del history.events[-1]
    assert history.differences()[0].startswith("clocks: stored")


def test_a_metric_event_that_was_meddled_with_is_noticed() -> None:
    history = History()
    history.events[0]["data"]["sla"][1]["due_at"] = rfc3339(NOW)
    [found] = history.differences()
    assert found.startswith("event 1: told")


def test_a_policy_that_nobody_knows_is_named() -> None:
    history = History()
    assert policies_named(history.events) == {("berlin", 1)}
    assert differences(history.row["sla"], history.events, {}) == [
        "policy 'berlin' version 1: not known"
    ]


def test_clocks_without_a_start_are_noticed_and_no_clocks_are_fine() -> None:
    history = History(clocks=False)
    assert history.differences() == []
    assert differences({"policy": "berlin"}, history.events, POLICIES) == [
        "clocks: stored, but no event started them"
    ]
