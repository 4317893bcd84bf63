"""Each scorer prefers whom it says, by the number it says."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.model import Candidate, Context, Need, Performance, Subject
from services.router.scorers.fastest import Fastest
from services.router.scorers.least_loaded import LeastLoaded
from services.router.scorers.longest_idle import LongestIdle
from services.router.scorers.performance import PastPerformance
from services.router.scorers.random import Random
from services.router.scorers.round_robin import RoundRobin
from services.router.scorers.same_agent import SameAgent
from services.router.scorers.shift_left import ShiftLeft
from services.router.scorers.skill_fit import SkillFit
from services.router.scorers.spare_skills import SpareSkills
from tests.factories import NOW
from tests.routing import CONTEXT, Hours, candidate, subject

VPN = subject(Need(None, (("vpn", 2),)))
HOUR_S = 3600.0


def score(
    scorer: Any, agent: Candidate, ticket: Subject = VPN, context: Context = CONTEXT
) -> float:
    return float(scorer.score(ticket, agent, context))


def worked(**past: Any) -> Candidate:
    """An agent with a past in the category vpn."""
    return candidate(performance={"vpn": Performance(**past)})


def usual(**all_agents: Any) -> Context:
    return Context(NOW, usual={"": Performance(**all_agents)})


ABOUT_VPN = subject(category="vpn")


def test_least_loaded_is_the_free_share_of_the_capacity() -> None:
    assert score(LeastLoaded(), candidate(capacity=8, load=2)) == 0.75
    assert score(LeastLoaded(), candidate(capacity=2, load=7)) == 0
    assert score(LeastLoaded(), candidate(capacity=0)) == 0


def test_longest_idle_is_one_half_at_half_s_and_grows() -> None:
    assert score(LongestIdle(half_s=600), candidate(idle_since=NOW - timedelta(minutes=10))) == 0.5
    assert score(LongestIdle(), candidate(idle_since=NOW + timedelta(hours=1))) == 0
    days = [score(LongestIdle(), candidate(idle_since=NOW - timedelta(days=d))) for d in range(9)]
    assert days == sorted(days)


def test_skill_fit_is_the_mean_level_and_a_wish_counts_no_further_than_wished() -> None:
    assert score(SkillFit(), candidate(skills={"vpn": 4})) == 0.8
    wishing = subject(VPN.need, preferred=(("dns", 2),))
    assert score(SkillFit(), candidate(skills={"vpn": 5, "dns": 5}), wishing) == 1
    assert score(SkillFit(), candidate(skills={"vpn": 5, "dns": 1}), wishing) == 0.75
    assert score(SkillFit(), candidate(skills={"vpn": 5}), subject()) == 0


def test_round_robin_begins_with_who_never_had_one_and_then_goes_by_age() -> None:
    ages_s = [0, 1, 60, HOUR_S, 30 * 24 * HOUR_S, 30 * 24 * HOUR_S + 1]
    by_age = [
        score(RoundRobin(), candidate(assigned_at=NOW - timedelta(seconds=age_s)))
        for age_s in ages_s
    ]
    never = score(RoundRobin(), candidate(assigned_at=None))
    assert all(younger < older for younger, older in pairwise([*by_age, never]))
    assert (by_age[0], by_age[3], never) == (0, 0.5, 1)


def test_spare_skills_keeps_who_has_a_rare_skill_that_is_not_needed() -> None:
    supplied = Context(NOW, supply={"vpn": 9, "dns": 10, "mail": 10, "cobol": 1})
    agents: list[Mapping[str, int]] = [
        {"vpn": 2},
        {"vpn": 2, "dns": 1},
        {"vpn": 5, "dns": 1, "mail": 1},
        {"vpn": 2, "cobol": 1},
        {"vpn": 2, "cobol": 1, "dns": 1},
    ]
    scores = [score(SpareSkills(), candidate(skills=s), VPN, supplied) for s in agents]
    assert scores == [1, pytest.approx(1 / 1.1), pytest.approx(1 / 1.2), 0.5, 1 / 2.1]
    wishing = subject(VPN.need, preferred=(("cobol", 1),))
    assert score(SpareSkills(), candidate(skills=agents[3]), wishing, supplied) == 1


def test_same_agent_prefers_who_had_the_ticket_then_who_knows_the_requester() -> None:
    ticket = subject(former_agent="agt_0001", familiar_agent="agt_0002")
    assert [score(SameAgent(), candidate(number), ticket) for number in (1, 2, 3)] == [1, 0.5, 0]
    weighed = SameAgent(former=0.2, familiar=0.9)
    assert [score(weighed, candidate(number), ticket) for number in (1, 2)] == [0.2, 0.9]
    assert score(SameAgent(), candidate(1), subject()) == 0


def test_without_a_past_everybody_is_as_fast_as_usual() -> None:
    assert score(Fastest(), candidate(), ABOUT_VPN) == 0.5
    assert score(Fastest(), candidate(), ABOUT_VPN, usual(tickets=50, handling_s=900)) == 0.5


def test_an_estimate_is_shrunk_towards_the_usual_by_the_number_of_tickets() -> None:
    context = Context(
        NOW,
        usual={
            "": Performance(tickets=180, handling_s=1000),
            "vpn": Performance(tickets=20, handling_s=2000),
        },
    )
    everybody = (180 * 1000 + 20 * 0) / 200
    in_category = (20 * 2000 + 20 * everybody) / 40
    expected = (5 * 600 + 20 * in_category) / 25
    found = score(Fastest(prior_tickets=20), worked(tickets=5, handling_s=600), ABOUT_VPN, context)
    assert found == pytest.approx(in_category / (in_category + expected))


def test_one_lucky_ticket_does_not_beat_a_long_good_record() -> None:
    context = usual(tickets=500, handling_s=1000)
    lucky, proven = worked(tickets=1, handling_s=100), worked(tickets=200, handling_s=500)
    beginner, slow = worked(), worked(tickets=200, handling_s=2000)
    scores = [score(Fastest(), a, ABOUT_VPN, context) for a in (proven, lucky, beginner, slow)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"handling_s": 500.0}, {"handling_s": 900.0}),
        ({"reopened": 1}, {"reopened": 30}),
        ({"satisfaction": 0.9}, {"satisfaction": 0.4}),
    ],
)
def test_performance_prefers_the_faster_the_more_lasting_and_the_better_liked(
    better: dict[str, Any], worse: dict[str, Any]
) -> None:
    past = {"tickets": 60, "handling_s": 700.0, "reopened": 6, "rated": 40, "satisfaction": 0.7}
    context = usual(**past)
    good, bad = worked(**{**past, **better}), worked(**{**past, **worse})
    assert score(PastPerformance(), good, ABOUT_VPN, context) > score(
        PastPerformance(), bad, ABOUT_VPN, context
    )
    elsewhere = subject(category="mail")
    assert score(PastPerformance(), good, elsewhere, context) == score(
        PastPerformance(), bad, elsewhere, context
    )


def test_performance_is_the_weighted_mean_of_its_three_parts() -> None:
    context = usual(tickets=1000, handling_s=1000.0, reopened=100, rated=1000, satisfaction=0.5)
    agent = worked(tickets=20, handling_s=500.0, reopened=0, rated=0)
    usual_s, usual_rate = 1000 * 1000 / 1020, 100 / 1020
    usual_satisfaction = (1000 * 0.5 + 20 * 0.5) / 1020
    fast = usual_s / (usual_s + (20 * 500 + 20 * usual_s) / 40)
    lasting = 1 - (20 * usual_rate) / 40
    only = {"handling": 0.0, "reopen": 0.0, "satisfaction": 0.0}
    for option, value in [("handling", fast), ("reopen", lasting), ("satisfaction", 0.5)]:
        scorer = PastPerformance(**{**only, option: 1.0})
        assert score(scorer, agent, ABOUT_VPN, context) == pytest.approx(value)
    mixed = PastPerformance(handling=2, reopen=1, satisfaction=1)
    assert score(mixed, agent, ABOUT_VPN, context) == pytest.approx(
        (2 * fast + lasting + usual_satisfaction) / 4
    )


def test_shift_left_prefers_who_stays_longest_or_who_leaves_soonest() -> None:
    agents = [candidate(shift=Hours(left_s)) for left_s in (900, 4 * HOUR_S, 99 * HOUR_S)]
    agents.append(candidate(shift=None))
    most = [score(ShiftLeft(full_s=8 * HOUR_S), agent) for agent in agents]
    assert most == [pytest.approx(1 / 32), 0.5, 1, 1]
    least = [score(ShiftLeft(full_s=8 * HOUR_S, least=True), agent) for agent in agents]
    assert least == [pytest.approx(31 / 32), 0.5, 0, 0]
    gone = candidate(shift=Hours(-5))
    assert score(ShiftLeft(), gone) == score(ShiftLeft(least=True), gone) == 0


def test_random_draws_the_same_lot_again_and_others_for_other_seeds_tickets_and_agents() -> None:
    lots = {
        score(Random(), candidate(agent), subject(number=ticket), Context(NOW, seed=seed))
        for agent in range(3)
        for ticket in range(3)
        for seed in range(3)
    }
    assert len(lots) == 27
    assert score(Random(), candidate()) == score(Random(), candidate())


def test_random_is_uniform() -> None:
    lots = [score(Random(), candidate(n % 100), subject(number=n // 100)) for n in range(10_000)]
    assert all(0 <= lot < 1 for lot in lots)
    tenths = [sum(int(lot * 10) == tenth for lot in lots) for tenth in range(10)]
    # Chi-squared with 9 degrees of freedom: above 27.9 once in a thousand times.
    assert sum((count - 1000) ** 2 / 1000 for count in tenths) < 27.9


@pytest.mark.parametrize(
    ("scorer", "options"),
    [
        (RoundRobin, {"half_s": 0}),
        (LongestIdle, {"half_s": 0}),
        (SameAgent, {"former": 2}),
        (SameAgent, {"familiar": -1}),
        (ShiftLeft, {"full_s": 0}),
        (Fastest, {"prior_tickets": 0}),
        (PastPerformance, {"handling": -1}),
        (PastPerformance, {"reopen": float("inf")}),
        (Fastest, {"prior_tickets": float("inf")}),
        (PastPerformance, {"handling": 0, "reopen": 0, "satisfaction": 0}),
        (PastPerformance, {"prior_tickets": float("nan")}),
    ],
)
def test_options_that_make_no_sense_are_refused(scorer: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|go from|weights"):
        scorer(**options)


@given(
    st.builds(
        Performance,
        tickets=st.integers(0, 1000),
        handling_s=st.floats(0, 1e9),
        reopened=st.integers(0, 2000),
        rated=st.integers(0, 1000),
        satisfaction=st.floats(0, 1),
    ),
    st.integers(0, 10),
)
def test_even_an_odd_past_scores_between_0_and_1(past: Performance, tickets: int) -> None:
    context = usual(tickets=tickets, handling_s=60.0)
    agent = candidate(performance={"vpn": past})
    for scorer in (Fastest(), PastPerformance()):
        assert 0 <= score(scorer, agent, ABOUT_VPN, context) <= 1
