"""The conformance kit: what every plugin must be, for its author's own tests.

    from services.router.conformance import check_scorer

    def test_my_scorer_conforms():
        check_scorer(MyScorer, half_s=60)

Each check takes the class and the options that a profile would give, raises `NotConforming` (an
AssertionError) with what is wrong and for which input, and returns a `Conformance` that states the
speed. The inputs are made up, always the same ones, and cover what real ones look like; a check
that passes is no proof.
"""

from services.router.conformance.filters import check_filter
from services.router.conformance.matchers import check_matcher
from services.router.conformance.orders import check_order
from services.router.conformance.plugin import Conformance, NotConforming
from services.router.conformance.scorers import check_scorer

__all__ = [
    "Conformance",
    "NotConforming",
    "check_filter",
    "check_matcher",
    "check_order",
    "check_scorer",
]
