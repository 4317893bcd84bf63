"""What must be true once the dust has settled, whatever was killed, wiped or frozen.

Pure: the facts of a database and what was seen from outside go in, violations come out. The outside
is the API's client, who knows what was answered, and the subscribers, who know what arrived and
when. Deliveries that come twice are no violation; they are counted elsewhere.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise

from services.chaos.facts import AssignmentFact, EventFact, Facts, TicketFact, Told
from shared.domain.event import EventType
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState


class Rule(StrEnum):
    """What was broken."""

    LOST_TICKET = "a ticket answered with 201 does not exist"
    UNASKED_TICKET = "a ticket exists that nobody was answered for"
    LOST_STEP = "a resolution answered with 200 is not there"
    UNACCOUNTED = "a ticket is neither assigned, nor waiting for a stated reason, nor resolved"
    STUCK = "a ticket waits though an agent who fits has room"
    DOUBLE_ASSIGNMENT = "a ticket has two assignments at once"
    UNEXPLAINED = "an assignment has no decision"
    OVER_CAPACITY = "an agent has more than the capacity allows"
    WRONG_LOAD = "an agent's load is not the sum of the open assignments"
    SEQUENCE_GAP = "the events of a ticket are not numbered 1, 2, 3 … up to its version"
    UNDELIVERED = "an event did not reach the subscriber"
    UNRECORDED = "an event reached the subscriber and its delivery is not recorded as done"
    UNKNOWN_EVENT = "something reached the subscriber that is no event it wants"
    OUT_OF_ORDER = "a first delivery overtook an earlier event of the same ticket"
    UNMAILED = "a mail is recorded as sent and did not arrive"
    UNFINISHED = "work is left on a list"
    FORGED = "a webhook came with a signature that is wrong"
    CRASH = "code met a fault unprepared, by its log"
    NOT_BACK = "a process did not come back after a strike"
    UNANSWERED = "a request had no answer within a minute, whatever was tried"
    FAULT = "a request was answered with a fault of the desk's own (5xx)"


#: The rules by which something is lost.
LOST = frozenset(
    {
        Rule.LOST_TICKET,
        Rule.LOST_STEP,
        Rule.UNACCOUNTED,
        Rule.STUCK,
        Rule.UNDELIVERED,
        Rule.UNMAILED,
        Rule.UNFINISHED,
    }
)

#: Events of time alone, which say nothing about who has the ticket.
CLOCKS = {EventType.TICKET_SLA_WARNED, EventType.TICKET_SLA_BREACHED}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule, and where."""

    rule: Rule
    where: str


@dataclass(frozen=True, slots=True)
class Witness:
    """What was seen from outside.

    `accepted` are tickets answered with 201, `resolved` those whose resolution was answered with
    200. `subscribed` are the types of events that each subscriber asked for, by the id of the
    subscription; none are all. `arrived` is which of them was told of which event, in the order in
    which each got them. `mailed` are the deliveries whose mail arrived; None where nobody looked
    after mail.
    """

    accepted: frozenset[str]
    resolved: frozenset[str]
    subscribed: Mapping[str, frozenset[EventType]]
    arrived: Sequence[Told]
    mailed: frozenset[str] | None = None


def violations(facts: Facts, witness: Witness) -> list[Violation]:
    """Return every broken rule; an empty list is the proof."""
    return [
        *_answers(facts, witness),
        *_tickets(facts),
        *_agents(facts),
        *_events(facts),
        *_deliveries(facts, witness),
        *_all(Rule.UNFINISHED, (f"{n} {name}" for name, n in facts.unfinished.items())),
    ]


def _all(rule: Rule, places: Iterable[str]) -> Iterator[Violation]:
    return (Violation(rule, place) for place in sorted(places))


def _answers(facts: Facts, witness: Witness) -> Iterator[Violation]:
    known = {ticket.id: ticket for ticket in facts.tickets}
    yield from _all(Rule.LOST_TICKET, witness.accepted - known.keys())
    yield from _all(Rule.UNASKED_TICKET, known.keys() - witness.accepted)
    for ticket_id in sorted(witness.resolved & known.keys()):
        if known[ticket_id].status not in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
            yield Violation(Rule.LOST_STEP, ticket_id)


def _tickets(facts: Facts) -> Iterator[Violation]:
    assignments: dict[str, list[AssignmentFact]] = defaultdict(list)
    for assignment in facts.assignments:
        assignments[assignment.ticket].append(assignment)
        if not assignment.explained:
            yield Violation(Rule.UNEXPLAINED, assignment.ticket)
    newest: dict[str, EventFact] = {}
    for event in sorted(facts.events, key=lambda event: event.sequence):
        if event.type not in CLOCKS:
            newest[event.ticket] = event
    for ticket in facts.tickets:
        held = assignments[ticket.id]
        if _overlap(held):
            yield Violation(Rule.DOUBLE_ASSIGNMENT, ticket.id)
        if not _accounted(ticket, held, newest.get(ticket.id)):
            yield Violation(Rule.UNACCOUNTED, f"{ticket.id} {ticket.status} {ticket.work_state}")
        if ticket.work_state is WorkState.WAITING:
            for agent in facts.agents:
                if facts.heaviest is not None and agent.could_take(ticket, facts.heaviest):
                    yield Violation(Rule.STUCK, f"{ticket.id} {agent.id}")
                    break


def _overlap(assignments: Sequence[AssignmentFact]) -> bool:
    # Of those that began at one moment the one that is still open is the last.
    ordered = sorted(assignments, key=lambda each: (each.started_at, each.ended_at is None))
    return any(
        earlier.ended_at is None or earlier.ended_at > later.started_at
        for earlier, later in pairwise(ordered)
    )


def _accounted(
    ticket: TicketFact, assignments: Sequence[AssignmentFact], newest: EventFact | None
) -> bool:
    holders = [assignment.agent for assignment in assignments if assignment.ended_at is None]
    match ticket.status:
        case TicketStatus.OPEN:
            return ticket.assignee in holders
        case TicketStatus.NEW:
            waits = ticket.work_state is WorkState.WAITING and not holders
            said = newest is not None and newest.type is EventType.TICKET_WAITING
            return waits and said and newest is not None and bool(newest.reason)
        case TicketStatus.PENDING_CUSTOMER | TicketStatus.ON_HOLD:
            return holders == [ticket.assignee] if ticket.assignee else not holders
        case _:
            return not holders


def _agents(facts: Facts) -> Iterator[Violation]:
    assignments: dict[str, list[AssignmentFact]] = defaultdict(list)
    for assignment in facts.assignments:
        assignments[assignment.agent].append(assignment)
    for agent in facts.agents:
        own = assignments[agent.id]
        held = sum(each.weight for each in own if each.ended_at is None)
        if max(agent.load, held, _heaviest_load(own)) > agent.limit:
            yield Violation(Rule.OVER_CAPACITY, agent.id)
        if agent.load != held:
            yield Violation(Rule.WRONG_LOAD, f"{agent.id} {agent.load} not {held}")


def _heaviest_load(assignments: Iterable[AssignmentFact]) -> int:
    """Return the most that an agent had at any moment, in the order of commits.

    The limit is that of the end: nobody changes a capacity, or assigns without the guard, in a run.
    """
    # At one place what ends goes before what begins.
    steps = sorted(step for each in assignments for step in _steps(each))
    return max(accumulate(weight for _, weight in steps), default=0)


def _steps(assignment: AssignmentFact) -> Iterator[tuple[int, int]]:
    """Yield how an assignment moves the load, and where in the order of commits.

    One whose places are not known is left out, and one whose places are the same: a database that
    was restored has those of the restoration.
    """
    began, ended = assignment.from_commit, assignment.to_commit
    if began is None:
        return
    if assignment.ended_at is None:
        yield began, assignment.weight
    elif ended is not None and ended > began:
        yield began, assignment.weight
        yield ended, -assignment.weight


def _events(facts: Facts) -> Iterator[Violation]:
    sequences: dict[str, list[int]] = defaultdict(list)
    for event in facts.events:
        sequences[event.ticket].append(event.sequence)
    for ticket in facts.tickets:
        found = sorted(sequences[ticket.id])
        if found != list(range(1, ticket.version + 1)):
            yield Violation(Rule.SEQUENCE_GAP, f"{ticket.id} {found}, version {ticket.version}")


def _deliveries(facts: Facts, witness: Witness) -> Iterator[Violation]:
    known: Mapping[str, EventFact] = {event.id: event for event in facts.events}
    arrived, wanted = set(witness.arrived), _wanted(facts, witness)
    yield from _all(Rule.UNDELIVERED, _places(wanted - arrived))
    yield from _all(Rule.UNKNOWN_EVENT, _places(arrived - wanted))
    yield from _all(Rule.UNRECORDED, _places((wanted & arrived) - facts.webhooks))
    if witness.mailed is not None:
        yield from _all(Rule.UNMAILED, facts.mails - witness.mailed)
    reached: Counter[tuple[str, str]] = Counter()
    for receiver, event_id in dict.fromkeys(witness.arrived):
        event = known.get(event_id)
        if event is None:
            continue
        if event.sequence < reached[receiver, event.ticket]:
            yield Violation(Rule.OUT_OF_ORDER, f"{event.ticket} {event.sequence} at {receiver}")
        reached[receiver, event.ticket] = max(reached[receiver, event.ticket], event.sequence)


def _wanted(facts: Facts, witness: Witness) -> set[Told]:
    return {
        (receiver, event.id)
        for receiver, types in witness.subscribed.items()
        for event in facts.events
        if not types or event.type in types
    }


def _places(told: Iterable[Told]) -> Iterator[str]:
    return (f"{event_id} at {receiver}" for receiver, event_id in told)
