"""What follows from what a ticket says: priority, expected time, order, steps, backoff."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from shared.db.ticket_changes.create import rank_of
from shared.domain.clock import ManualClock, rfc3339
from shared.domain.errors import Forbidden, InvalidTransition
from shared.domain.lifecycle import (
    LifeRules,
    Transition,
    allowed_transitions,
    next_status,
    require_reopenable,
)
from shared.domain.role import Role
from shared.domain.ticket import (
    PAUSED_STATUSES,
    PRIORITY_MATRIX,
    RESOLUTION_TARGETS,
    Lane,
    Level,
    Priority,
    Severity,
    TicketStatus,
    derive_priority,
)
from shared.domain.work import HANDLER_BACKOFF, backoff

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_matrix_has_every_pair_and_never_rises_as_impact_or_urgency_falls() -> None:
    assert set(PRIORITY_MATRIX) == set(product(Level, Level))
    levels = list(Level)
    for impact, urgency in product(range(3), range(2)):
        row = PRIORITY_MATRIX[levels[impact], levels[urgency]]
        assert row.rank <= PRIORITY_MATRIX[levels[impact], levels[urgency + 1]].rank
        column = PRIORITY_MATRIX[levels[urgency], levels[impact]]
        assert column.rank <= PRIORITY_MATRIX[levels[urgency + 1], levels[impact]].rank


@pytest.mark.parametrize(
    ("given", "impact", "urgency", "severity", "expected"),
    [
        (None, None, None, None, "medium"),
        (Priority.LOW, Level.HIGH, Level.HIGH, Severity.CRITICAL, "low"),
        (None, Level.HIGH, Level.HIGH, None, "critical"),
        (None, Level.HIGH, None, None, "high"),
        (None, None, Level.LOW, None, "low"),
        (None, Level.LOW, Level.LOW, Severity.HIGH, "high"),
        (None, Level.HIGH, Level.HIGH, Severity.LOW, "critical"),
        (None, None, None, Severity.LOW, "low"),
    ],
)
def test_the_priority_follows_from_what_is_known(
    given: Priority | None,
    impact: Level | None,
    urgency: Level | None,
    severity: Severity | None,
    expected: str,
) -> None:
    assert derive_priority(given, impact, urgency, severity) == expected


def test_what_is_more_urgent_is_expected_sooner_and_comes_first() -> None:
    times = [RESOLUTION_TARGETS[priority] for priority in Priority]
    assert times == sorted(times)
    assert set(RESOLUTION_TARGETS) == set(Priority)
    ranks = [rank_of(lane, priority.rank) for lane in Lane for priority in Priority]
    assert ranks == sorted(set(ranks))


@pytest.mark.parametrize(("status", "step"), list(product(TicketStatus, Transition)))
def test_a_step_is_taken_exactly_where_it_is_said_to_be_allowed(
    status: TicketStatus, step: Transition
) -> None:
    if step in allowed_transitions(status):
        assert next_status(status, step) is not status
    else:
        with pytest.raises(InvalidTransition) as refused:
            next_status(status, step)
        assert refused.value.extra["ticket_status"] == status
        assert refused.value.extra["allowed"] == allowed_transitions(status)


def test_every_status_can_be_left_and_closing_comes_after_resolving() -> None:
    stay = {status for status in TicketStatus if not allowed_transitions(status)}
    assert stay == {TicketStatus.MERGED}
    assert next_status(TicketStatus.OPEN, Transition.RESOLVE) is TicketStatus.RESOLVED
    assert next_status(TicketStatus.RESOLVED, Transition.CLOSE) is TicketStatus.CLOSED
    assert next_status(TicketStatus.CLOSED, Transition.REOPEN) is TicketStatus.NEW


@pytest.mark.parametrize("paused", sorted(PAUSED_STATUSES))
def test_a_paused_ticket_resumes_where_it_was(paused: TicketStatus) -> None:
    assert next_status(paused, Transition.RESUME, assigned=True) is TicketStatus.OPEN
    assert next_status(paused, Transition.RESUME, assigned=False) is TicketStatus.NEW


@pytest.mark.parametrize(
    ("role", "steps"),
    [
        (Role.REQUESTER, {"cancel"}),
        (Role.AGENT, {"ask", "hold", "resolve", "cancel", "mark_spam"}),
        (Role.SYSTEM, {"resolve", "cancel", "mark_spam"}),
        (Role.INGEST, set()),
    ],
)
def test_an_open_ticket_gives_each_role_its_steps(role: Role, steps: set[str]) -> None:
    assert set(allowed_transitions(TicketStatus.OPEN, role)) == steps
    others = set(allowed_transitions(TicketStatus.OPEN)) - steps
    for step in others:
        with pytest.raises(Forbidden) as refused:
            next_status(TicketStatus.OPEN, Transition(step), role)
        assert role.value not in refused.value.extra["roles"]


def test_reopening_comes_too_late_after_the_window_but_for_leads() -> None:
    rules = LifeRules(reopen_window=timedelta(days=7))
    late = NOON + timedelta(days=7, seconds=1)
    closed = TicketStatus.CLOSED
    require_reopenable(closed, NOON, Role.AGENT, NOON + timedelta(days=7), rules)
    require_reopenable(closed, NOON, Role.LEAD, late, rules)
    with pytest.raises(InvalidTransition) as refused:
        require_reopenable(closed, NOON, Role.AGENT, late, rules)
    assert refused.value.extra["follow_up"] is True


def test_backoff_grows_and_ends() -> None:
    rests = [backoff(attempts) for attempts in range(1, len(HANDLER_BACKOFF) + 1)]
    assert rests == sorted(HANDLER_BACKOFF)
    assert backoff(len(HANDLER_BACKOFF) + 1) is None
    assert backoff(10_000) is None


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(0, "2026-03-01T12:00:00.000000Z"), (7, "2026-03-01T12:00:00.000007Z")],
)
def test_moments_are_written_with_microseconds_and_z(microsecond: int, text: str) -> None:
    assert rfc3339(NOON.replace(microsecond=microsecond)) == text


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)
