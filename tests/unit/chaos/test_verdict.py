"""A record is judged, written and read again: the verdict stays the same."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.chaos.checker import Rule, Violation
from services.chaos.errors import ChaosError
from services.chaos.facts import AgentFact, AssignmentFact, EventFact, Facts, TicketFact
from services.chaos.history import new_history, read_history, write_history
from services.chaos.record import Arrived, Record, Seen, Struck
from services.chaos.verdict import judge
from shared.domain.event import EventType
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

GONE = Violation(Rule.NOT_BACK, "serve killed: serve did not become ready: no room")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def events(ticket: str) -> list[EventFact]:
    made = EventFact(f"evt_{ticket}_1", ticket, 1, EventType.TICKET_CREATED, "")
    return [made, EventFact(f"evt_{ticket}_2", ticket, 2, EventType.TICKET_ASSIGNED, "")]


def sound() -> Record:
    """Two tickets: one accepted around the first strike, one after the second."""
    told = [*events("a"), *events("b")]
    return Record(
        about={"seed": 1, "mode": "embedded"},
        struck=[Struck("serve killed", 1.0, 2.5), Struck("serve frozen", 8.0, None)],
        accepted=[Seen("a", 0.5), Seen("b", 9.0)],
        resolved=[],
        subscribed={"whk": frozenset()},
        arrived=[Arrived("whk", event.id, 10.0) for event in told],
        mailed=["dlv_1"],
        refused=[],
        crashes={},
        rest_s=0.5,
        facts=Facts(
            tickets=[
                TicketFact(
                    each, TicketStatus.OPEN, WorkState.DONE, 2, "agt", {}, tags=frozenset({"x"})
                )
                for each in ("a", "b")
            ],
            agents=[AgentFact("agt", True, 2, 5, 5, {"vpn": 3}, frozenset({"network"}))],
            assignments=[AssignmentFact(each, "agt", 1, NOON, None, True) for each in ("a", "b")],
            events=told,
            webhooks=frozenset(("whk", event.id) for event in told),
            unfinished={},
            mails=frozenset({"dlv_1"}),
        ),
    )


def test_what_is_kept_is_sound_and_each_strike_has_its_tickets() -> None:
    verdict = judge(sound())
    assert verdict.sound
    assert [(line.nemesis, line.accepted, line.recovered_s) for line in verdict.lines] == [
        ("serve killed", 1, 2.5),
        ("serve frozen", 1, None),
    ]


@pytest.mark.parametrize(
    ("broken", "rule", "line"),
    [
        (lambda r: replace(r, arrived=r.arrived[:3]), Rule.UNDELIVERED, "serve frozen"),
        (lambda r: replace(r, accepted=[*r.accepted, Seen("c", 2)]), Rule.LOST_TICKET, "killed"),
        (lambda r: replace(r, mailed=[]), Rule.UNMAILED, "at no strike"),
        (lambda r: replace(r, refused=["evt: forged"]), Rule.FORGED, "at no strike"),
        (lambda r: replace(r, crashes={"batch.crashed": 1}), Rule.CRASH, "at no strike"),
        (lambda r: replace(r, broken=(GONE,)), Rule.NOT_BACK, "serve killed"),
    ],
    ids=["undelivered", "lost", "unmailed", "forged", "crash", "not back"],
)
def test_what_is_broken_is_laid_at_the_door_of_its_strike(broken, rule, line) -> None:
    verdict = judge(broken(sound()))
    assert [each.rule for each in verdict.violations] == [rule]
    (blamed,) = [each for each in verdict.lines if each.lost + each.doubled + each.broken]
    assert line in blamed.nemesis


#: A second subscriber, who wants one type of event.
SECOND = {"whk": frozenset(), "whk_2": frozenset({EventType.TICKET_ASSIGNED})}
TO_SECOND = [Arrived("whk_2", f"evt_{ticket}_2", 11.0) for ticket in ("a", "b")]


def with_second(arrived: list[Arrived]) -> Record:
    record = sound()
    webhooks = record.facts.webhooks | {("whk_2", "evt_a_2"), ("whk_2", "evt_b_2")}
    facts = replace(record.facts, webhooks=webhooks)
    return replace(record, facts=facts, subscribed=SECOND, arrived=[*record.arrived, *arrived])


def found(record: Record) -> list[tuple[Rule, str]]:
    return [(each.rule, each.where) for each in judge(record).violations]


def test_each_subscriber_is_told_of_what_it_wants_and_of_nothing_else() -> None:
    assert found(with_second(TO_SECOND)) == []
    assert found(with_second(TO_SECOND[:1])) == [(Rule.UNDELIVERED, "evt_b_2 at whk_2")]
    unwanted = Arrived("whk_2", "evt_a_1", 12.0)
    told = found(with_second([*TO_SECOND, unwanted]))
    assert (Rule.UNKNOWN_EVENT, "evt_a_1 at whk_2") in told


def test_what_is_not_recorded_at_the_second_subscriber_is_seen() -> None:
    record = with_second(TO_SECOND)
    recorded = record.facts.webhooks - {("whk_2", "evt_a_2")}
    facts = replace(record.facts, webhooks=recorded)
    assert found(replace(record, facts=facts)) == [(Rule.UNRECORDED, "evt_a_2 at whk_2")]


def test_agents_with_hours_and_filters_of_others_accuse_nobody() -> None:
    record = sound()
    waits = TicketFact("a", TicketStatus.NEW, WorkState.WAITING, 2, None, {}, "network")
    (agent,) = record.facts.agents

    def stuck(**changed: object) -> bool:
        facts = replace(record.facts, tickets=[waits, record.facts.tickets[1]], **changed)
        return Rule.STUCK in {each.rule for each in judge(replace(record, facts=facts)).violations}

    assert stuck()
    assert not stuck(agents=[replace(agent, at_hours=True)])
    assert not stuck(agents=[replace(agent, teams=frozenset({"office"}))])
    assert not stuck(heaviest=None)
    assert not stuck(heaviest=4)


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, record = tmp_path / "deep" / "history.ndjson", replace(sound(), broken=(GONE,))
    seal = write_history(new_history(path), record, lambda text: f"signed {text}")
    found, again = read_history(path)
    assert (found, again) == (record, seal)
    assert again.signature == f"signed {again.text}"


def as_in_version_1(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line as releases wrote it that knew one subscriber, and no order of commits."""
    new = {"arrived": ["receiver"], "assignment": ["from_commit", "to_commit"]}
    line = {name: line[name] for name in line if name not in new.get(line["kind"], [])}
    if line["kind"] == "begun":
        line["version"] = 1
    if line["kind"] == "rest":
        line["webhooks_done"] = [event for _, event in line["webhooks_done"]]
    return line


def test_a_history_of_before_is_judged_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "history.ndjson"
    write_history(new_history(path), replace(sound(), arrived=sound().arrived[:3]), lambda _: "")
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()[:-1]]
    kept = [as_in_version_1(line) for line in lines if line["kind"] != "subscribed"]
    content = b"".join(orjson.dumps(line) + b"\n" for line in kept)
    digest = hashlib.sha256(content).hexdigest()
    seal = {"kind": "seal", "lines": len(kept), "sha256": digest, "signature": ""}
    path.write_bytes(content + orjson.dumps(seal) + b"\n")
    record, _ = read_history(path)
    assert found(record) == [(Rule.UNDELIVERED, "evt_b_2 at ")]


@pytest.mark.parametrize(
    "touched",
    [
        lambda lines: lines[1:],
        lambda lines: [*lines[:4], lines[4].replace(b'"a"', b'"z"'), *lines[5:]],
        lambda lines: lines[:-1],
        lambda lines: [],
    ],
    ids=["first gone", "one changed", "seal gone", "empty"],
)
def test_a_history_that_was_changed_is_refused(tmp_path: Path, touched) -> None:
    path = tmp_path / "history.ndjson"
    write_history(new_history(path), sound(), lambda _: "")
    path.write_bytes(b"".join(touched(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ChaosError):
        read_history(path)
