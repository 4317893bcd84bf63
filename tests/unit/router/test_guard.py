"""Guards: a plugin of somebody else can be as wrong as it likes, and routing goes on without it."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from services.router.filters import Filter
from services.router.guard import (
    MAX_TEXT,
    GuardedFilter,
    GuardedMatcher,
    GuardedOrder,
    GuardedScorer,
    PluginFault,
)
from services.router.matching import Matcher, MatchingTable, Wanted
from services.router.matching.greedy import GreedyMatcher
from services.router.model import Candidate, Choice, Context, Need, Subject
from services.router.orders import Order, Waiting
from services.router.orders.earliest_deadline import EarliestDeadline
from services.router.pool import Pool
from services.router.pool_builder import pool_of
from services.router.profile import parse_profile
from services.router.scorers import Scorer
from services.router.strategy import Strategy, StrategyBuilder
from services.router.watchdog import Watchdog
from shared.plugins import PluginKind
from tests.factories import NOW
from tests.routing import ANYBODY, CONTEXT, candidate, subject, table_of, waiting, wanted

LIMIT_S = 0.5


class Answers:
    """Does as it is told, whatever it is asked."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer


class AFilter(Answers, Filter):
    name = "odd"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        return self.answer()


class ASetFilter(AFilter):
    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        return self.answer()


class AScorer(Answers, Scorer):
    name = "odd"

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return self.answer()


class AnOrder(Answers, Order):
    name = "odd"

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return self.answer()


class AMatcher(Answers, Matcher):
    name = "odd"

    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        return self.answer()


def ask_filter(answer: Callable[[], Any]) -> Any:
    guarded = GuardedFilter(AFilter(answer), "odd", Watchdog(LIMIT_S))
    return guarded.reject(ANYBODY, candidate(), CONTEXT)


def ask_filter_for_a_set(answer: Callable[[], Any]) -> Any:
    pool = pool_of([candidate(1), candidate(2)])
    guarded = GuardedFilter(ASetFilter(answer), "odd", Watchdog(LIMIT_S))
    return guarded.stopped(ANYBODY, pool, pool.facts.everyone, CONTEXT)


def ask_scorer(answer: Callable[[], Any]) -> Any:
    guarded = GuardedScorer(AScorer(answer), "odd", Watchdog(LIMIT_S))
    return guarded.score(subject(), candidate(), CONTEXT)


def ask_order(answer: Callable[[], Any]) -> Any:
    return GuardedOrder(AnOrder(answer), "odd", Watchdog(LIMIT_S)).key(waiting(), CONTEXT)


def ask_matcher(answer: Callable[[], Any]) -> Any:
    guarded = GuardedMatcher(AMatcher(answer), "odd", Watchdog(LIMIT_S))
    return guarded.match(table_of([candidate()]), wanted([ANYBODY]))


ASKS = {
    "filter": ask_filter,
    "filter by sets": ask_filter_for_a_set,
    "scorer": ask_scorer,
    "order": ask_order,
    "matcher": ask_matcher,
}
KINDS = {"filter by sets": PluginKind.FILTER}


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


class OddBase(BaseException):
    """Not an Exception."""


def raising(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def loop() -> Any:
    while True:
        pass


def a_generator() -> Any:
    yield loop()


def no_end_of_answers() -> Any:
    while True:
        yield ("is odd", 0)


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "raises": (raising(KeyError("vpn")), "KeyError: 'vpn'"),
    "raises what cannot be printed": (raising(Unprintable()), "Unprintable"),
    "exits": (raising(SystemExit(3)), "SystemExit: 3"),
    "raises no Exception": (raising(OddBase("odd")), "OddBase: odd"),
    "raises GeneratorExit": (raising(GeneratorExit()), "GeneratorExit: "),
    "never returns": (loop, "took longer than 0.5 s in one batch"),
    "answers a number of no sense": (lambda: 7.5, "7.5|object is not iterable"),
    "answers an object": (object, "object"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("asked", ASKS)
def test_whatever_a_plugin_does_is_a_fault_of_that_plugin(asked: str, fault: str) -> None:
    answer, told = FAULTS[fault]
    with pytest.raises(PluginFault, match=told) as raised:
        ASKS[asked](answer)
    assert raised.value.fault.kind == KINDS.get(asked, asked)
    assert raised.value.fault.plugin == "odd"
    assert len(raised.value.fault.error) <= MAX_TEXT


@pytest.mark.parametrize("asked", ["filter", "scorer", "order"])
def test_a_generator_is_no_answer(asked: str) -> None:
    with pytest.raises(PluginFault, match="generator object"):
        ASKS[asked](a_generator)


@pytest.mark.parametrize("asked", ["filter by sets", "matcher"])
def test_a_generator_is_run_under_guard(asked: str) -> None:
    with pytest.raises(PluginFault, match="took longer"):
        ASKS[asked](a_generator)


def test_an_endless_answer_ends() -> None:
    with pytest.raises(PluginFault, match="took longer"):
        ask_filter_for_a_set(no_end_of_answers)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.001, 1.001, None, "0.5", 1j, []])
def test_a_score_that_is_no_number_from_0_to_1_is_a_fault(value: Any) -> None:
    with pytest.raises(PluginFault, match=r"score returned .*, not a number from 0 to 1"):
        ask_scorer(lambda: value)


@pytest.mark.parametrize("value", [(), (float("nan"),), (1.0, float("inf")), [1.0], ("a",), 3.0])
def test_a_key_that_is_no_tuple_of_numbers_is_a_fault(value: Any) -> None:
    with pytest.raises(PluginFault, match=r"key returned .*, not a tuple of numbers"):
        ask_order(lambda: value)


@pytest.mark.parametrize("value", [False, 0, b"no", ["no"]])
def test_a_reason_that_is_no_text_is_a_fault(value: Any) -> None:
    with pytest.raises(PluginFault, match="not a reason or None"):
        ask_filter(lambda: value)
    with pytest.raises(PluginFault, match="not a reason or None"):
        ask_filter_for_a_set(lambda: [(value, 1)])


@pytest.mark.parametrize("value", [None, 1.0, "1", {1}])
def test_a_set_that_is_no_integer_is_a_fault(value: Any) -> None:
    with pytest.raises(PluginFault, match="not an integer"):
        ask_filter_for_a_set(lambda: [("is odd", value)])


def test_good_answers_pass() -> None:
    assert ask_filter(lambda: None) is None
    assert ask_filter(lambda: "is odd") == "is odd"
    assert ask_filter(lambda: "x" * 1000) == "x" * MAX_TEXT
    assert ask_filter_for_a_set(lambda: iter([("is odd", 1)])) == [("is odd", 1)]
    assert ask_filter_for_a_set(lambda: [("a", -1), ("b", 3)]) == [("a", 3)], "each agent once"
    assert [ask_scorer(lambda: v) for v in (0, 1, True, 0.25)] == [0, 1, 1, 0.25]  # noqa: B023
    assert ask_order(lambda: (1, -2.5)) == (1.0, -2.5)


def test_a_plugin_that_is_slow_a_little_each_time_is_stopped_within_the_batch() -> None:
    def slow() -> float:
        end = monotonic() + 0.004
        while monotonic() < end:
            pass
        return 0.5

    guarded = GuardedScorer(AScorer(slow), "odd", Watchdog(0.1))
    scores: list[float] = []
    with pytest.raises(PluginFault, match=r"took longer than 0.1 s in one batch"):
        scores.extend(guarded.score(subject(), candidate(), CONTEXT) for _ in range(1000))
    assert len(scores) <= 25


def test_a_plugin_cannot_pretend_that_somebody_pressed_ctrl_c() -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            ask_scorer(raising(KeyboardInterrupt()))
        except BaseException as error:  # noqa: BLE001
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert [type(error) for error in caught] == [PluginFault]
    with pytest.raises(KeyboardInterrupt):
        ask_scorer(raising(KeyboardInterrupt()))


def match_by(choose: Callable[[MatchingTable, Sequence[Wanted]], list[Choice]]) -> list[Choice]:
    class Theirs(Matcher):
        name = "theirs"

        def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
            return choose(table, wanted)

    agents = [candidate(1, capacity=1, skills={"vpn": 3}), candidate(2)]
    asked = wanted([Need(None, (("vpn", 2),)), ANYBODY])
    return GuardedMatcher(Theirs(), "theirs", Watchdog(LIMIT_S)).match(table_of(agents), asked)


def test_a_matcher_that_does_right_passes() -> None:
    choices = match_by(GreedyMatcher().match)
    assert [choice.winner and choice.winner.id for choice in choices] == ["agt_0001", "agt_0002"]


def test_a_matcher_must_answer_for_each_ticket() -> None:
    with pytest.raises(PluginFault, match="1 choices for 2 tickets"):
        match_by(lambda table, wanted: [table.choose(wanted[0])])


def test_a_matcher_must_not_choose_whom_a_filter_stops() -> None:
    def wrong(table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        novice = table.candidates()[1]
        return [replace(table.choose(ticket), winner=novice) for ticket in wanted]

    with pytest.raises(PluginFault, match=r"agt_0002, who lacks vpn at level 2 \(filter skills\)"):
        match_by(wrong)


def test_a_matcher_must_not_fill_anybody_over_capacity() -> None:
    def wrong(table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        return [replace(table.choose(t), winner=table.candidates()[0]) for t in wanted]

    with pytest.raises(PluginFault, match="agt_0001, who is at capacity"):
        match_by(wrong)


def test_a_matcher_must_take_whom_it_chooses() -> None:
    def wrong(table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        return [table.choose(wanted[0]), replace(table.choose(wanted[1]), winner=None)]

    with pytest.raises(PluginFault, match="the load of agt_0001 in the table is not what"):
        match_by(wrong)


def test_a_matcher_must_not_invent_anybody() -> None:
    def wrong(table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        return [replace(table.choose(ticket), winner=candidate(99)) for ticket in wanted]

    with pytest.raises(PluginFault, match="agt_0099 is not in the table"):
        match_by(wrong)


def test_a_fault_of_a_scorer_is_not_blamed_on_the_matcher_that_asked_for_scores() -> None:
    watchdog = Watchdog(LIMIT_S)
    guarded = GuardedScorer(AScorer(raising(ValueError("no"))), "odd", watchdog)
    [ticket] = wanted([ANYBODY])
    asked = replace(ticket, pipeline=replace(ticket.pipeline, scorers=((guarded, 1.0),)))
    with pytest.raises(PluginFault) as raised:
        GuardedMatcher(GreedyMatcher(), "theirs", watchdog).match(table_of([candidate()]), [asked])
    assert (raised.value.fault.kind, raised.value.fault.plugin) == ("scorer", "odd")


def odd_strategy(answer: Callable[[], Any], kind: PluginKind) -> Strategy:
    """The default strategy with one odd plugin of a kind."""
    watchdog = Watchdog(LIMIT_S)
    built = StrategyBuilder().build(parse_profile("test", 1, {}))
    whole = built.pipeline
    match kind:
        case PluginKind.FILTER:
            odd = GuardedFilter(AFilter(answer), "odd", watchdog)
            return replace(built, pipeline=replace(whole, filters=(*whole.filters, odd)))
        case PluginKind.SCORER:
            scorer = GuardedScorer(AScorer(answer), "odd", watchdog)
            scorers = (*whole.scorers, (scorer, 1.0))
            return replace(built, pipeline=replace(whole, scorers=scorers))
        case PluginKind.MATCHER:
            return replace(built, matcher=GuardedMatcher(AMatcher(answer), "odd", watchdog))
        case PluginKind.ORDER:
            return replace(built, order=GuardedOrder(AnOrder(answer), "odd", watchdog))


def decide(strategy: Strategy) -> tuple[str | None, str]:
    """Who gets a ticket, and which of two waiting tickets goes first."""
    agents = [candidate(1, load=2), candidate(2)]
    asked = [Wanted(subject(), strategy.pipeline)]
    [choice] = strategy.matcher.match(table_of(agents), asked)
    late = Context(NOW + timedelta(minutes=5))
    tickets = [waiting(1, target_s=900), waiting(2, target_s=600)]
    goes_first = min(tickets, key=lambda ticket: strategy.order.key(ticket, late))
    return choice.winner and choice.winner.id, goes_first.id


@pytest.mark.parametrize("kind", PluginKind)
def test_without_the_plugin_that_failed_the_strategy_decides_as_if_it_had_never_been(
    kind: PluginKind,
) -> None:
    strategy = odd_strategy(raising(ValueError("no")), kind)
    with pytest.raises(PluginFault) as raised:
        decide(strategy)
    mended = strategy.without(raised.value.fault)
    assert decide(mended) == decide(StrategyBuilder().build(parse_profile("test", 1, {})))
    assert mended.pipeline.faults == (raised.value.fault,)
    assert mended.profile.name == "test"


def test_a_strategy_falls_back_on_what_always_works() -> None:
    built = StrategyBuilder().build(
        parse_profile(
            "test",
            1,
            {
                "filters": ["skills", "no_such_filter"],
                "scorers": {"random": 1.0, "least_loaded": 1.0, "no_such_scorer": 0.0},
                "matcher": "no_such_matcher",
                "order": "priority_ageing",
                "options": {
                    "random": {"no_such_option": 1},
                    "priority_ageing": {"hours_per_step": -1},
                },
            },
        )
    )
    assert [f.name for f in built.pipeline.filters] == ["skills", "presence", "capacity"]
    assert [s.name for s, _ in built.pipeline.scorers] == ["least_loaded"]
    assert isinstance(built.matcher, GreedyMatcher)
    assert isinstance(built.order, EarliestDeadline)
    assert [(fault.kind, fault.plugin) for fault in built.pipeline.faults] == [
        ("filter", "no_such_filter"),
        ("scorer", "random"),
        ("matcher", "no_such_matcher"),
        ("order", "priority_ageing"),
    ]
    assert "takes no arguments" in built.pipeline.faults[1].error
