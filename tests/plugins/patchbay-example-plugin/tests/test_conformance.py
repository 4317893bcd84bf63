"""The example plugins are what Patchbay expects of plugins."""

from patchbay_example.home_team import HomeTeam
from patchbay_example.trained_for_tag import TrainedForTag

from services.router.conformance import check_filter, check_scorer


def test_the_filter_conforms() -> None:
    check_filter(TrainedForTag, tag="board", skill="vpn")


def test_the_scorer_conforms() -> None:
    conformance = check_scorer(HomeTeam)
    assert conformance.us_per_call < 100
