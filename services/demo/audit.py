"""The audit: what was promised, held against what is true. Values in, findings out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.demo.ledger import Ledger
from services.demo.truth import Truth
from shared.domain.agent import Presence
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise: in words, how often, and one example to look at."""

    what: str
    count: int
    example: str


def audit(truth: Truth, ledger: Ledger, mails_written: frozenset[str]) -> list[Finding]:
    """Return every broken promise; `mails_written` are deliveries whose mail is in the outbox."""
    broken = [*_tickets(truth, ledger), *_agents(truth), *_news(truth, ledger, mails_written)]
    findings = [Finding(what, len(which), str(which[0])) for what, which in broken if which]
    if ledger.forged:
        findings.append(Finding("webhooks with a signature that is wrong", ledger.forged, ""))
    if ledger.disordered:
        findings.append(Finding("webhooks out of their ticket's order", ledger.disordered, ""))
    return findings


def state_of(ticket: Mapping[str, Any]) -> str | None:
    """Return where a ticket stands: assigned, waiting, or its status; None is nowhere."""
    status, work_state = ticket["status"], ticket["work_state"]
    if status is TicketStatus.OPEN and ticket["assignee_id"] is not None:
        return "assigned"
    if status is TicketStatus.NEW and work_state is WorkState.WAITING:
        return "waiting"
    if status in (TicketStatus.NEW, TicketStatus.OPEN):
        return None
    return str(status)


Broken = Iterator[tuple[str, Sequence[object]]]


def _tickets(truth: Truth, ledger: Ledger) -> Broken:
    states = {ticket_id: state_of(ticket) for ticket_id, ticket in truth.tickets.items()}
    holders = Counter(assignment["ticket_id"] for assignment in truth.open_assignments)
    yield "requests that failed", ledger.failures
    yield "accepted tickets that are gone", sorted(ledger.accepted.keys() - states.keys())
    yield "tickets that were made twice", sorted(states.keys() - ledger.accepted.keys())
    yield (
        "tickets neither assigned, waiting nor resolved",
        [ticket_id for ticket_id, state in states.items() if state is None],
    )
    waiting = [ticket_id for ticket_id, state in states.items() if state == "waiting"]
    yield "tickets that wait for no stated reason", [t for t in waiting if not truth.reasons.get(t)]
    yield "tickets that wait although an agent is free", [t for t in waiting if _takers(truth, t)]
    yield "tickets assigned twice at once", [t for t, count in holders.items() if count > 1]
    yield (
        "tickets whose assignment says otherwise",
        [t for t, state in states.items() if (state == "assigned") != (holders[t] > 0)],
    )


def _takers(truth: Truth, ticket_id: str) -> Iterable[str]:
    """Return the agents who could take a ticket now."""
    ticket = truth.tickets[ticket_id]
    return [
        agent_id
        for agent_id, agent in truth.agents.items()
        if agent["presence"] is Presence.ONLINE
        and agent["load"] < agent["capacity"]
        and (ticket["team"] is None or ticket["team"] in truth.teams.get(agent_id, ()))
        and all(
            truth.skills.get(agent_id, {}).get(needed["skill"], 0) >= needed["level"]
            for needed in ticket["required_skills"]
        )
    ]


def _agents(truth: Truth) -> Broken:
    loads: Counter[str] = Counter()
    for assignment in truth.open_assignments:
        loads[assignment["agent_id"]] += assignment["weight"]
    agents = truth.agents.items()
    yield "agents over their capacity", [i for i, a in agents if a["load"] > a["capacity"]]
    yield (
        "agents whose load is not the sum of their tickets",
        [i for i, a in agents if a["load"] != loads[i]],
    )


def _news(truth: Truth, ledger: Ledger, mails_written: frozenset[str]) -> Broken:
    sequences: dict[str, list[int]] = defaultdict(list)
    for ticket_id, sequence in truth.events.values():
        sequences[ticket_id].append(sequence)
    yield (
        "tickets with a gap in their events",
        [
            ticket_id
            for ticket_id, ticket in truth.tickets.items()
            if sorted(sequences[ticket_id]) != list(range(1, ticket["version"] + 1))
        ],
    )
    expected = [(event, whom) for event in truth.events for whom in sorted(truth.subscriptions)]
    yield "webhooks that were not delivered", [p for p in expected if not truth.webhooks.get(p)]
    yield (
        "webhooks said to be delivered that never came",
        sorted({event for event, _ in expected if truth.webhooks.get((event, _))} - ledger.events),
    )
    yield (
        "e-mails that were not written",
        [mail for mail, done in truth.mails.items() if not done or mail not in mails_written],
    )
