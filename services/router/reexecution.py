"""Makes a decision again from its record: same inputs, same result.

What the record holds in full are its best candidates; those are put through the same filters and
scorers again. Of everybody else it holds the reason that stopped them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isclose
from typing import Any

from services.router.explanation import DIGITS
from services.router.matching import MatchingTable, Wanted
from services.router.model import (
    Candidate,
    Choice,
    Context,
    Performance,
    Subject,
    need_of,
)
from services.router.pool_builder import pool_of
from services.router.profile import parse_profile
from services.router.strategy import StrategyBuilder
from shared.domain.agent import Presence
from shared.domain.ticket import Channel, Priority

#: Filters that were passed by everybody in the record, on facts that it does not repeat.
_NOT_ASKED_AGAIN = frozenset({"team", "language", "conflict", "excluded", "presence"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A record and the same decision made again; `differences` says in words where they part."""

    choice: Choice
    differences: tuple[str, ...]


def decide_again(explanation: Mapping[str, Any], builder: StrategyBuilder) -> Comparison:
    """Make the decision of an `ExplanationSchema` document again, and compare.

    A matcher that looks at a whole batch may have given the ticket to another than the best of its
    ranking; then scores are compared, and the winner is not.
    """
    now = datetime.fromisoformat(explanation["context"]["now"])
    recorded = explanation["profile"]
    filters = [name for name in recorded["filters"] if name not in _NOT_ASKED_AGAIN]
    profile = parse_profile(
        recorded["name"],
        recorded["version"],
        {
            "filters": filters,
            "scorers": explanation["weights"],
            "options": recorded.get("options", {}),
            "shortlist": max(1, len(explanation["candidates"])),
        },
    )
    strategy = builder.build(profile)
    candidates = [_candidate(document) for document in explanation["candidates"]]
    table = MatchingTable(pool_of(candidates), _context(explanation["context"], now))
    choice = table.choose(Wanted(_subject(explanation["subject"]), strategy.pipeline))
    faults = [f"{fault.plugin} {fault.error}" for fault in strategy.pipeline.faults]
    return Comparison(choice, (*faults, *_differences(explanation, choice)))


def _differences(explanation: Mapping[str, Any], choice: Choice) -> list[str]:
    found = []
    again = {scored.candidate.id: scored for scored in choice.ranking}
    for document in explanation["candidates"]:
        name = document["agent_id"]
        scored = again.get(name)
        if scored is None:
            found.append(f"{name} would be stopped now")
        elif not isclose(scored.total, document["total"], abs_tol=10 ** (1 - DIGITS)):
            found.append(f"{name} scored {document['total']}, and now {scored.total}")
    best = explanation["candidates"][0]["agent_id"] if explanation["candidates"] else None
    first = choice.ranking[0].candidate.id if choice.ranking else None
    if not found and best != first:
        found.append(f"{best} was the best, and now {first} is")
    return found


@dataclass(frozen=True, slots=True)
class _RecordedShift:
    """A shift of which only the time left is known."""

    left_s: float | None

    def on(self, _now: datetime) -> bool:
        """Tell whether the decision was made in working time."""
        return self.left_s is not None

    def next_start(self, _now: datetime) -> datetime | None:
        """Return None: the record does not say."""
        return None

    def left(self, _now: datetime) -> timedelta | None:
        """Return what was left at the decision."""
        return None if self.left_s is None else timedelta(seconds=self.left_s)


def _candidate(document: Mapping[str, Any]) -> Candidate:
    state = document["state"]
    assigned_at = state["assigned_at"]
    return Candidate(
        id=document["agent_id"],
        name="",
        email="",
        presence=Presence.ONLINE,
        capacity=state["capacity"],
        load=state["load"],
        idle_since=datetime.fromisoformat(state["idle_since"]),
        teams=frozenset(),
        skills=state["skills"],
        assigned_at=assigned_at and datetime.fromisoformat(assigned_at),
        shift=_RecordedShift(state["shift_left_s"]) if "shift_left_s" in state else None,
        performance=_figures(state.get("performance", {})),
    )


def _subject(document: Mapping[str, Any]) -> Subject:
    return Subject(
        id=document["id"],
        need=need_of(document["need"]),
        priority=Priority(document["priority"]),
        created_at=datetime.fromisoformat(document["created_at"]),
        due_at=datetime.fromisoformat(document["due_at"]),
        category=document["category"],
        channel=Channel(document["channel"]),
        preferred=tuple((skill, level) for skill, level in document["preferred"]),
        former_agent=document["former_agent"],
        familiar_agent=document["familiar_agent"],
    )


def _context(document: Mapping[str, Any], now: datetime) -> Context:
    return Context(now, document["supply"], _figures(document["usual"]), document["seed"])


def _figures(document: Mapping[str, Any]) -> dict[str, Performance]:
    return {name: Performance(**figures) for name, figures in document.items()}
