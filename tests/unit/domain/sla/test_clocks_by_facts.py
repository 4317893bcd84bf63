"""Whatever happens in whatever order: looking often changes nothing, and counts are true."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.db.types import dump_json, load_json
from shared.domain.sla import (
    DONE,
    VOID,
    Clocks,
    Fact,
    Metric,
    Move,
    Policy,
    Said,
    advance,
    begin,
    clocks_document,
    clocks_of,
    event_document,
    recompute,
)
from shared.domain.ticket import Priority
from tests.unit.domain.sla.cases import CALENDARS, policy

STATUSES = (
    *("new", "open", "open", "pending_customer", "on_hold"),
    *("resolved", "closed", "cancelled", "merged", "spam"),
)
POLICIES = tuple(replace(policy(name), version=version) for name in CALENDARS for version in (1, 2))
#: Before the clocks are set forward, before they are set back, and before Christmas.
STARTS = (
    datetime(2026, 3, 27, 12, tzinfo=UTC),
    datetime(2026, 10, 23, 12, tzinfo=UTC),
    datetime(2026, 12, 23, 12, tzinfo=UTC),
)
steps = st.tuples(
    st.integers(0, 3 * 86_400_000_000),
    st.sampled_from(STATUSES),
    st.sampled_from(Priority),
    st.sampled_from(POLICIES),
    st.none() | st.sampled_from(Said),
    st.sets(st.sampled_from(("status", "priority", "policy"))),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """A ticket's facts; each changes some things and leaves the others."""
    fact = Fact(draw(st.sampled_from(STARTS)), "new", Priority.MEDIUM, draw(steps)[3])
    facts = [fact]
    for passed, status, priority, used, said, changed in draw(st.lists(steps, max_size=12)):
        fact = Fact(
            fact.at + timedelta(microseconds=passed),
            status if "status" in changed else fact.status,
            priority if "priority" in changed else fact.priority,
            used if "policy" in changed else fact.policy,
            said,
        )
        facts.append(fact)
    return facts


def stored(clocks: Clocks) -> Clocks:
    """Clocks as they come back from the database."""
    return clocks_of(load_json(dump_json(clocks_document(clocks))))


@given(histories(), st.lists(st.integers(0, 20 * 86_400), max_size=20))
def test_clocks_that_are_moved_step_by_step_equal_those_recomputed(
    facts: list[Fact], looks: list[int]
) -> None:
    """Moved: stored after each step, and looked at now and then in between."""
    clocks, events = begin(facts[0])
    for last, fact in pairwise(facts):
        for look in sorted(looks):
            at = last.at + timedelta(seconds=look)
            if at < fact.at:
                clocks, more = advance(stored(clocks), replace(last, at=at, said=None))
                events += more
        clocks, more = advance(stored(clocks), fact)
        events += more
    whole, told = recompute(facts)
    assert stored(clocks) == stored(whole) == clocks
    assert events == told


@given(histories())
def test_a_clock_counts_the_hours_in_which_the_ticket_needed_it(facts: list[Fact]) -> None:
    """The resolution of a ticket of one policy, against the sum over the stretches at work."""
    facts = [replace(fact, policy=facts[0].policy) for fact in facts]
    used: Policy = facts[0].policy
    expected = timedelta(0)
    for fact, following in pairwise(facts):
        still = fact.status in DONE | VOID or used.pausing(Metric.RESOLUTION, fact.status)
        if not still:
            expected += used.hours.worked(fact.at, following.at)
    clock = recompute(facts)[0].by_metric[Metric.RESOLUTION]
    assert clock.worked_until(facts[-1].at, used) == expected


@given(histories())
def test_events_tell_a_story_that_can_be_true(facts: list[Fact]) -> None:
    """In order of time; nothing goes on that did not stand, nothing is breached twice in a row."""
    _, events = recompute(facts)
    for metric in Metric:
        told = [event for event in events if event.metric is metric]
        moves = [event.move for event in told]
        assert [event.at for event in told] == sorted(event.at for event in told)
        assert not moves or moves[0] is Move.START
        for first, second in pairwise(moves):
            assert (first, second) not in {
                (Move.PAUSE, Move.PAUSE),
                (Move.RESUME, Move.RESUME),
                (Move.BREACH, Move.BREACH),
                (Move.BREACH, Move.WARN),
                (Move.WARN, Move.WARN),
                (Move.FULFIL, Move.FULFIL),
                (Move.PAUSE, Move.WARN),
                (Move.PAUSE, Move.BREACH),
            }


@given(histories())
def test_each_breach_is_at_the_moment_that_was_due(facts: list[Fact]) -> None:
    clocks, events = recompute(facts)
    due: dict[Metric, datetime | None] = {}
    for event in events:
        if event.move is Move.BREACH:
            assert event.at == event.due_at == due[event.metric]
        due[event.metric] = event.due_at
    next_at = clocks.next_at
    assert next_at is None or next_at > facts[-1].at


@given(histories())
def test_events_and_clocks_can_be_written_as_json(facts: list[Fact]) -> None:
    clocks, events = recompute(facts)
    assert load_json(dump_json([event_document(event) for event in events]))
    assert len(dump_json(clocks_document(clocks))) < 1200
