"""The verdict on a run: every broken rule, and the table of what struck and what it cost. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.chaos.checker import LOST, Rule, Violation, violations
from services.chaos.record import Record
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

#: A ticket that was accepted so long before a strike may still be harmed by it.
LEAD = timedelta(seconds=1)
ELSEWHERE = "at no strike"


@dataclass(frozen=True, slots=True)
class Line:
    """What one nemesis did, in all its strikes; `recovered_s` is the longest recovery seen."""

    nemesis: str
    strikes: int
    accepted: int
    lost: int
    doubled: int
    broken: int
    recovered_s: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether every promise was kept, and the figures; `duplicates` are allowed to happen."""

    violations: Sequence[Violation]
    lines: Sequence[Line]
    accepted: int
    resolved: int
    assigned: int
    waiting: int
    events: int
    duplicates: int
    mails: int

    @property
    def sound(self) -> bool:
        """Whether nothing is broken."""
        return not self.violations


def judge(record: Record) -> Verdict:
    """Hold what was seen against what the database says."""
    found = [
        *record.broken,
        *violations(record.facts, record.witness),
        *(Violation(Rule.FORGED, each) for each in record.refused),
        *(Violation(Rule.CRASH, f"{name} ({n})") for name, n in sorted(record.crashes.items())),
    ]
    tickets = record.facts.tickets
    arrived = [each.told for each in record.arrived]
    return Verdict(
        violations=found,
        lines=_lines(record, found),
        accepted=len(record.accepted),
        resolved=len(record.resolved),
        assigned=len({each.ticket for each in record.facts.assignments}),
        waiting=sum(
            each.status is TicketStatus.NEW and each.work_state is WorkState.WAITING
            for each in tickets
        ),
        events=len(record.facts.events),
        duplicates=len(arrived) - len(set(arrived)),
        mails=len(record.mailed),
    )


def _lines(record: Record, found: Sequence[Violation]) -> list[Line]:
    """Lay what is broken at the door of the strike in whose time its ticket was accepted."""
    names = [*dict.fromkeys(each.nemesis for each in record.struck)]
    of_event = {event.id: event.ticket for event in record.facts.events}
    of_ticket = {each.id: _strike_at(record, each.at_s) for each in record.accepted}
    accepted = Counter(of_ticket.values())
    lost: Counter[str] = Counter()
    doubled: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for each in found:
        thing, struck = each.where.partition(" ")[0], each.where.partition(":")[0]
        nemesis = (
            struck if struck in names else of_ticket.get(of_event.get(thing, thing), ELSEWHERE)
        )
        counted = (
            lost
            if each.rule in LOST
            else doubled
            if each.rule is Rule.DOUBLE_ASSIGNMENT
            else broken
        )
        counted[nemesis] += 1
    if any(ELSEWHERE in counted for counted in (lost, doubled, broken)):
        names.append(ELSEWHERE)
    return [
        Line(
            name,
            sum(each.nemesis == name for each in record.struck),
            accepted[name],
            lost[name],
            doubled[name],
            broken[name],
            _longest(record, name),
        )
        for name in names
    ]


def _strike_at(record: Record, at_s: float) -> str:
    """Return the last strike that began by then, or within the lead; the first for all before."""
    begun = [each for each in record.struck if each.at_s <= at_s + LEAD.total_seconds()]
    return (begun or record.struck[:1])[-1].nemesis if record.struck else ELSEWHERE


def _longest(record: Record, nemesis: str) -> float | None:
    seen = [each.recovered_s for each in record.struck if each.nemesis == nemesis]
    return max((each for each in seen if each is not None), default=None)


def document(verdict: Verdict) -> Mapping[str, object]:
    """Return it as JSON has it, without the history's own lines."""
    return {
        "sound": verdict.sound,
        "strikes": sum(line.strikes for line in verdict.lines),
        "lost": sum(line.lost for line in verdict.lines),
        "doubled": sum(line.doubled for line in verdict.lines),
        "broken_otherwise": sum(line.broken for line in verdict.lines),
        "accepted": verdict.accepted,
        "assigned": verdict.assigned,
        "waiting": verdict.waiting,
        "resolved": verdict.resolved,
        "events": verdict.events,
        "webhooks_that_came_twice": verdict.duplicates,
        "mails": verdict.mails,
        "nemeses": [
            {
                "nemesis": line.nemesis,
                "strikes": line.strikes,
                "accepted": line.accepted,
                "lost": line.lost,
                "doubled": line.doubled,
                "broken_otherwise": line.broken,
                "longest_recovery_s": line.recovered_s,
            }
            for line in verdict.lines
        ],
        "violations": [
            {"rule": each.rule.value, "where": each.where} for each in verdict.violations
        ],
    }
