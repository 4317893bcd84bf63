"""From a change of a ticket's row to its clocks: the columns that follow and what is to be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.domain.sla.book import SlaBook
from shared.domain.sla.clock import Clock
from shared.domain.sla.documents import clocks_document, clocks_of, event_document
from shared.domain.sla.engine import Clocks, advance, begin, recompute
from shared.domain.sla.fact import DONE, VOID, Fact, Said, said_in
from shared.domain.sla.metric import Metric, MetricEvent
from shared.domain.sla.policy import Policy
from shared.domain.sla.starting import start_at_work
from shared.domain.ticket import TicketStatus
from shared.domain.working_time import OutsideHorizon

Row = Mapping[str, Any]

#: Between these no clock ever moves: a ticket is with somebody, or looks for somebody.
_AT_WORK = frozenset({"new", "open"})


@dataclass(frozen=True, slots=True)
class Moved:
    """Columns of `tickets` that a change moves, and metric events in wire form; often none."""

    values: Mapping[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


STILL = Moved()
_NONE = timedelta(0)


def started(book: SlaBook, ticket: Row, now: datetime) -> Moved:
    """Start the clocks of a new ticket.

    Depends on nothing but its policy, priority, status and `now`: many of a batch share it.
    """
    policy, priority = book.policy_of(ticket), ticket["priority"]
    if ticket["status"] in _AT_WORK:
        start = start_at_work(policy, priority, now)
        if start.resolution_due_at is not None:
            values = {
                "sla": start.document,
                "sla_due_at": start.next_at,
                "expected_resolution_at": start.resolution_due_at,
            }
            return Moved(values, start.events)
    clocks, events = begin(Fact(now, ticket["status"], priority, policy))
    return _moved(ticket, clocks, events, now, policy)


def started_late(
    book: SlaBook, ticket: Row, said: Sequence[Said], now: datetime, *, held: bool
) -> Moved:
    """Start the clocks of a ticket that lived elsewhere, from its import on.

    What was `said` there counts: who had a reply is not owed a first one, who wrote last is owed
    the next. One that is `held` is told as new first, and then as with somebody.
    """
    if not said and ticket["status"] in _AT_WORK:
        return started(book, ticket, now)
    policy, priority = book.policy_of(ticket), ticket["priority"]
    status = TicketStatus.NEW if held else ticket["status"]
    facts = [Fact(now, status, priority, policy, each) for each in (None, *said)]
    clocks, events = recompute([*facts, Fact(now, ticket["status"], priority, policy)])
    return _moved(ticket, clocks, events, now, policy)


def moved(
    book: SlaBook,
    before: Row,
    after: Row,
    now: datetime,
    event: str,
    data: Mapping[str, Any],
) -> Moved:
    """Move the clocks of a ticket by a change of its row that an event tells of.

    A ticket whose clocks never started, for it is older than they, gets them from when it came in;
    one that is over does not.
    """
    policy, said = book.policy_of(after), said_in(event, data)
    if said is None and _nothing_moves(before, after, policy, now):
        return STILL
    fact = Fact(now, after["status"], after["priority"], policy, said)
    events: list[MetricEvent] = []
    if before["sla"] is not None:
        clocks = clocks_of(before["sla"])
    elif after["status"] in DONE | VOID:
        return STILL
    else:
        first = Fact(before["created_at"], before["status"], before["priority"], policy)
        clocks, events = begin(first)
    later, more = advance(clocks, fact)
    events += more
    if not events and later.next_at == before["sla_due_at"]:
        return STILL
    return _moved(after, later, events, now, policy)


def expected(book: SlaBook, ticket: Row, changes: Row, now: datetime) -> datetime:
    """Return when a ticket is expected to be resolved once some of its columns have changed.

    What `moved` would say; of a clock that runs and has time left only what that takes.
    """
    after = {**ticket, **changes}
    policy = book.policy_of(after)
    stands: datetime = ticket["expected_resolution_at"]
    if _nothing_moves(ticket, after, policy, now):
        return stands
    quick = _running(ticket, after, policy)
    if quick is not None and quick > now:
        return quick
    found: datetime = moved(book, ticket, after, now, "", {}).values.get(
        "expected_resolution_at", stands
    )
    return found


def _running(ticket: Row, after: Row, policy: Policy) -> datetime | None:
    """Return when a resolution falls due under a policy if it runs on; None if it does not."""
    sla = ticket["sla"]
    clock = sla and sla["clocks"]["resolution"]
    target = policy.target(after["priority"], Metric.RESOLUTION)
    if target is None or not clock or "running_since" not in clock or "breached_at" in clock:
        return None
    since = datetime.fromisoformat(clock["running_since"])
    left = target - timedelta(seconds=clock["worked_s"])
    if after["status"] not in _AT_WORK or left <= _NONE:
        return None
    try:
        return policy.hours.add(since, left)
    except OutsideHorizon:
        return None


def _nothing_moves(before: Row, after: Row, policy: Policy, now: datetime) -> bool:
    """Tell without looking at clocks that none moves: most changes only pass a ticket on."""
    sla, due = before["sla"], before["sla_due_at"]
    same_status = (
        after["status"] == before["status"]
        or {
            after["status"],
            before["status"],
        }
        <= _AT_WORK
    )
    return (
        sla is not None
        and same_status
        and after["priority"] == before["priority"]
        and (sla["policy"], sla["version"]) == (policy.name, policy.version)
        and (due is None or due > now)
    )


def _moved(
    ticket: Row, clocks: Clocks, events: list[MetricEvent], now: datetime, policy: Policy
) -> Moved:
    resolution = clocks.by_metric[Metric.RESOLUTION]
    return Moved(
        {
            "sla": clocks_document(clocks),
            "sla_due_at": clocks.next_at,
            "expected_resolution_at": _expected(resolution, now, policy)
            or ticket["expected_resolution_at"],
        },
        [event_document(event) for event in events],
    )


def _expected(clock: Clock, now: datetime, policy: Policy) -> datetime | None:
    """Return when a resolution is due, or would be if it went on now; None once it is over.

    A calendar without hours never lets it be due; then calendar time is the best guess.
    """
    if clock.due_at is not None or not clock.live or clock.target is None:
        return clock.due_at
    return clock.projected(now, policy) or now + max(clock.target - clock.worked, _NONE)
