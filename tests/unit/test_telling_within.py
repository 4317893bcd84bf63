"""How far back `patchbay verify` holds events against deliveries that are forgotten in time."""

from datetime import timedelta

import pytest

from shared.db.soundness.check import PATIENCE, telling_within

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("asked", "retention", "judged"),
    [
        (DAY, 90 * DAY, DAY),
        (DAY, timedelta(0), DAY),
        (DAY, HOUR, HOUR - PATIENCE),
        (HOUR, HOUR, HOUR - PATIENCE),
        (DAY, timedelta(seconds=1), timedelta(0)),
    ],
)
def test_nothing_is_judged_whose_deliveries_may_be_forgotten(
    asked: timedelta, retention: timedelta, judged: timedelta
) -> None:
    assert telling_within(asked, retention) == judged
