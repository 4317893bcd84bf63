"""Service levels: what a policy promises, and the clocks that say whether it is kept.

`policy` is what people write and `book` all of that, `fact` what happens to a ticket, `clock` one
measurement; `engine` moves the clocks of a ticket by facts, `ticket_clocks` by changes of its row,
and `documents` is how clocks are stored and told. Pure.
"""

from shared.domain.sla.book import SlaBook
from shared.domain.sla.clock import Clock
from shared.domain.sla.documents import clocks_document, clocks_of, event_document, seconds
from shared.domain.sla.engine import Clocks, advance, begin, recompute
from shared.domain.sla.fact import DONE, VOID, Fact, Said, said_in
from shared.domain.sla.metric import Metric, MetricEvent, Move
from shared.domain.sla.policy import (
    DEFAULT_DOCUMENT,
    DEFAULT_POLICY,
    DEFAULT_WARN_SHARE,
    Policy,
    default_policy,
    policy_of,
)
from shared.domain.sla.ticket_clocks import (
    STILL,
    Moved,
    expected,
    moved,
    started,
    started_late,
)

__all__ = [
    "DEFAULT_DOCUMENT",
    "DEFAULT_POLICY",
    "DEFAULT_WARN_SHARE",
    "DONE",
    "STILL",
    "VOID",
    "Clock",
    "Clocks",
    "Fact",
    "Metric",
    "MetricEvent",
    "Move",
    "Moved",
    "Policy",
    "Said",
    "SlaBook",
    "advance",
    "begin",
    "clocks_document",
    "clocks_of",
    "default_policy",
    "event_document",
    "expected",
    "moved",
    "policy_of",
    "recompute",
    "said_in",
    "seconds",
    "started",
    "started_late",
]
