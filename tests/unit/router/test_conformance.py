"""The conformance kit: Patchbay's own plugins pass it, and each planted defect is found."""

import itertools
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.router.conformance import (
    NotConforming,
    check_filter,
    check_matcher,
    check_order,
    check_scorer,
)
from services.router.filters import Filter
from services.router.matching import Matcher, MatchingTable, Wanted
from services.router.matching.greedy import GreedyMatcher
from services.router.model import Candidate, Choice, Context, Need, Subject
from services.router.orders import Order, Waiting
from services.router.pool import Pool
from services.router.scorers import Scorer
from services.router.scorers.same_agent import SameAgent
from services.router.scorers.shift_left import ShiftLeft
from shared.plugins import Installed, PluginKind, installed

CHECKS: dict[PluginKind, Callable[..., Any]] = {
    PluginKind.FILTER: check_filter,
    PluginKind.SCORER: check_scorer,
    PluginKind.MATCHER: check_matcher,
    PluginKind.ORDER: check_order,
}
OWN = [found for kind in PluginKind for found in installed(kind).values() if found.own]


@pytest.mark.parametrize("found", OWN, ids=lambda found: f"{found.kind}-{found.name}")
def test_what_patchbay_brings_conforms(found: Installed) -> None:
    plugin = found.entry_point.load()
    conformance = CHECKS[found.kind](plugin)
    assert conformance.name == found.name, "a plugin is called as its entry point is"
    assert conformance.us_per_call > 0


def test_there_are_plugins_of_each_kind() -> None:
    assert {found.kind for found in OWN} == set(PluginKind)
    assert len(OWN) >= 24


def test_options_are_passed_on() -> None:
    check_scorer(ShiftLeft, full_s=60, least=True)
    with pytest.raises(NotConforming, match=r"cannot be made with .*go from 0 to 1"):
        check_scorer(SameAgent, former=7)
    with pytest.raises(NotConforming, match="cannot be made with"):
        check_scorer(SameAgent, formre=1)


class GoodFilter(Filter):
    name = "good"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        return "is not wanted" if candidate.id.endswith("7") else None


class GoodScorer(Scorer):
    name = "good"

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return min(1.0, len(candidate.skills) / 4)


class GoodOrder(Order):
    name = "good"

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return (ticket.created_at.timestamp(),)


class GoodMatcher(GreedyMatcher):
    name = "good"


@pytest.mark.parametrize(
    ("check", "plugin"),
    [
        (check_filter, GoodFilter),
        (check_scorer, GoodScorer),
        (check_order, GoodOrder),
        (check_matcher, GoodMatcher),
    ],
)
def test_what_has_no_defect_passes(check: Callable[..., Any], plugin: Any) -> None:
    assert check(plugin).name == "good"


class NoName(GoodScorer):
    name = ""


class OddName(GoodScorer):
    name = "Not A Slug"


class OddFlag(GoodScorer):
    moves = "yes"  # type: ignore[assignment]


class NoBase:
    name = "no_base"


class PositionalOption(GoodScorer):
    def __init__(self, half_s: float = 1.0, /) -> None:
        self.half_s = half_s


class AnyOption(GoodScorer):
    def __init__(self, **options: Any) -> None:
        self.options = options


class NeededOption(GoodScorer):
    def __init__(self, half_s: float) -> None:
        self.half_s = half_s


class NoJsonOption(GoodScorer):
    def __init__(self, half: Any = object()) -> None:  # noqa: B008
        self.half = half


class Unpicklable(GoodScorer):
    def __init__(self) -> None:
        self.keep = lambda: 1


class CountsItsCalls(GoodScorer):
    def __init__(self) -> None:
        self.calls = 0

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        self.calls += 1
        return 1 / self.calls


_LAST: list[str] = []


class RemembersOutside(GoodScorer):
    """The same answer when asked the same twice, another one after something else."""

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        before = _LAST[-1:] or [""]
        _LAST.append(candidate.id)
        return float(before[0] < candidate.id)


class Draws(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return random.random()


class RacesItself(GoodScorer):
    """Right for one thread at a time."""

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        self.now = candidate.id
        for _ in range(1000):
            pass
        return float(int(self.now[4:]) % 7 / 7)


class ChangesAgents(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        candidate.skills["seen"] = 1  # type: ignore[index]
        return 1.0


class IsSlow(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return float(sum(range(3000)) > 0)


class NotANumber(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return float("nan") if candidate.capacity == 0 else 1.0


class TooHigh(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return float(candidate.capacity)


class SaysText(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return "0.5"  # type: ignore[return-value]


class MovesInSecret(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return 1 / (1 + candidate.load)


class PersonalInSecret(GoodScorer):
    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return 1.0 if candidate.id == subject.former_agent else 0.0


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (NoName, "`name` must be"),
        (OddName, "`name` must be"),
        (OddFlag, "`moves` must be True or False"),
        (NoBase, "is no class that inherits from Scorer"),
        (PositionalOption, "must be a parameter with a name"),
        (AnyOption, "must be a parameter with a name"),
        (NeededOption, "option `half_s` has no default"),
        (NoJsonOption, "has a default that JSON cannot hold"),
        (Unpicklable, "cannot be pickled"),
        (CountsItsCalls, "is not pure|`moves` is False"),
        (RemembersOutside, "is not pure|`moves` is False"),
        (Draws, "`moves` is False|is not pure"),
        (RacesItself, "asked by 4 threads"),
        (ChangesAgents, "changed what it was asked about"),
        (IsSlow, "us a call; at most 10 are allowed"),
        (NotANumber, "nan, not a number from 0 to 1"),
        (TooHigh, "not a number from 0 to 1"),
        (SaysText, "'0.5', not a number from 0 to 1"),
        (MovesInSecret, "`moves` is False"),
        (PersonalInSecret, "`personal` is False"),
    ],
)
def test_a_defect_of_a_scorer_is_found(plugin: Any, told: str) -> None:
    limit = {"max_us": 10.0} if plugin is IsSlow else {}
    with pytest.raises(NotConforming, match=told):
        check_scorer(plugin, **limit)


class MovingCounter(GoodScorer):
    """A state that only purity forbids: the answers may move, but not from call to call."""

    moves = True
    personal = True
    calls = itertools.count()

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return next(self.calls) % 1000 / 1000


def test_that_an_answer_may_move_is_no_excuse_for_a_memory() -> None:
    with pytest.raises(NotConforming, match=r"is not pure: of agt_.* for tkt_.* it answered"):
        check_scorer(MovingCounter)


class SaysFalse(GoodFilter):
    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        return False  # type: ignore[return-value]


class SaysNothing(GoodFilter):
    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        return "" if need.team else None


class MovesUnsaid(GoodFilter):
    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        return "has enough" if candidate.load > 1 else None


class ForgetsSome(GoodFilter):
    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        return list(super().stopped(need, pool, among & ~(1 << 7), context))


class OtherWords(GoodFilter):
    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        return [("other words", p) for _, p in super().stopped(need, pool, among, context)]


class NamesOutsiders(GoodFilter):
    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        return super().stopped(need, pool, pool.facts.everyone, context)


class NamesTwice(GoodFilter):
    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        return [*super().stopped(need, pool, among, context)] * 2


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (SaysFalse, "neither text nor None"),
        (SaysNothing, "must have 1 to 200 characters"),
        (MovesUnsaid, "`moves` is False"),
        (ForgetsSome, "`stopped` and `reject` differ"),
        (OtherWords, "`stopped` and `reject` differ"),
        (NamesOutsiders, "sets within the one given"),
        (NamesTwice, "under two reasons"),
    ],
)
def test_a_defect_of_a_filter_is_found(plugin: Any, told: str) -> None:
    with pytest.raises(NotConforming, match=re.escape(told)):
        check_filter(plugin)


class KeyIsANumber(GoodOrder):
    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return ticket.created_at.timestamp()  # type: ignore[return-value]


class KeyIsInfinite(GoodOrder):
    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return (float("inf"),)


class KeysDiffer(GoodOrder):
    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return (0.0,) * (1 + ticket.priority.rank)


class YoungestFirst(GoodOrder):
    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return (-ticket.created_at.timestamp(),)


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (KeyIsANumber, "not a tuple of numbers"),
        (KeyIsInfinite, "not a tuple of numbers"),
        (KeysDiffer, "keys have different lengths"),
        (YoungestFirst, "s older and alike"),
    ],
)
def test_a_defect_of_an_order_is_found(plugin: Any, told: str) -> None:
    with pytest.raises(NotConforming, match=re.escape(told)):
        check_order(plugin)


class Forgetful(GoodMatcher):
    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        return super().match(table, wanted)[:-1]


class Overfills(GoodMatcher):
    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        return [table.choose(ticket) for ticket in wanted]


class LeavesWaiting(GoodMatcher):
    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        done = super().match(table, wanted[:3])
        return done + [replace(table.choose(ticket), winner=None) for ticket in wanted[3:]]


class ByLot(GoodMatcher):
    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        choices = []
        for ticket in wanted:
            choice = table.choose(ticket)
            if choice.ranking:
                lucky = random.choice(choice.ranking).candidate
                table.take(lucky, ticket)
                choice = replace(choice, winner=lucky)
            choices.append(choice)
        return choices


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (Forgetful, "choices for"),
        (Overfills, "is not what was chosen|is at capacity|has no room"),
        (LeavesWaiting, "waits, though"),
        (ByLot, "is not pure"),
    ],
)
def test_a_defect_of_a_matcher_is_found(plugin: type[Matcher], told: str) -> None:
    with pytest.raises(NotConforming, match=told):
        check_matcher(plugin)
