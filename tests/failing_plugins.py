"""Plugins that fail, each in a way of its own; `distribution` writes the metadata of a package."""

from collections.abc import Sequence
from pathlib import Path

from services.router.filters import Filter
from services.router.matching import Matcher, MatchingTable, Wanted
from services.router.model import Candidate, Choice, Context, Need, Subject
from services.router.orders import Order, Waiting
from services.router.scorers import Scorer

#: Kind, name and class of each.
PLUGINS = (
    ("filter", "filter_raises", "FilterRaises"),
    ("filter", "filter_hangs", "FilterHangs"),
    ("scorer", "scorer_raises", "ScorerRaises"),
    ("scorer", "scorer_nan", "ScorerNan"),
    ("scorer", "scorer_hangs", "ScorerHangs"),
    ("matcher", "matcher_raises", "MatcherRaises"),
    ("order", "order_raises", "OrderRaises"),
    ("order", "order_hangs", "OrderHangs"),
)


def distribution(folder: Path) -> None:
    """Write into a folder what an installed package of these plugins leaves there."""
    info = folder / "failing_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: failing-plugins\nVersion: 1.0\n")
    lines = [f"[patchbay.{kind}s]\n{name} = {__name__}:{cls}\n" for kind, name, cls in PLUGINS]
    (info / "entry_points.txt").write_text("".join(lines))


def _for_ever() -> None:
    while True:
        pass


class FilterRaises(Filter):
    name = "filter_raises"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        raise LookupError("no table of mine")


class FilterHangs(Filter):
    name = "filter_hangs"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        _for_ever()
        return None


class ScorerRaises(Scorer):
    name = "scorer_raises"

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        raise ZeroDivisionError("no tickets yet")


class ScorerNan(Scorer):
    name = "scorer_nan"

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        return float("nan")


class ScorerHangs(Scorer):
    name = "scorer_hangs"

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        _for_ever()
        return 0.0


class MatcherRaises(Matcher):
    name = "matcher_raises"

    def match(self, table: MatchingTable, wanted: Sequence[Wanted]) -> list[Choice]:
        raise MemoryError("too many")


class OrderRaises(Order):
    name = "order_raises"

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        raise LookupError("no contract")


class OrderHangs(Order):
    name = "order_hangs"

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        _for_ever()
        return (0.0,)
