"""Reports: intervals as in the textbook, one document, one page that stands alone."""

import math
from functools import cache
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from services.router.simulation.durations import readable, seconds_of
from services.router.simulation.experiment import Experiment, Findings, run, steps
from services.router.simulation.intervals import interval, paired
from services.router.simulation.measures import jain
from services.router.simulation.profile_files import read_profile
from services.router.simulation.report.columns import above
from services.router.simulation.report.document import Provenance, document
from services.router.simulation.report.page import page
from services.router.simulation.report.plots import summary
from services.router.simulation.report.table import rendered
from services.router.simulation.shadow import skill_prices
from tests.unit.router.simulation.desks import desk, system_x


def experiment(hours: float = 20) -> Experiment:
    names = ("default", "longest_idle", "queue_balance")
    return Experiment(system_x(hours), tuple(read_profile(name) for name in names), (1, 2, 3))


@cache
def findings(hours: float = 20) -> Findings:
    return run(experiment(hours), 1, lambda: None)


def found(hours: float = 20) -> dict[str, Any]:
    return document(findings(hours), Provenance("patchbay simulate <x>", "now"))


def test_an_interval_is_students() -> None:
    result = interval([1.0, 2.0, 3.0, 4.0])
    assert result.mean == 2.5
    assert result.half == pytest.approx(3.182446 * math.sqrt(5 / 3) / 2, rel=1e-6)


def test_what_is_shared_by_two_profiles_cancels_in_their_difference() -> None:
    result = paired([101.0, 202.0, 303.0], [100.0, 201.0, 302.0])
    assert (result.mean, result.half) == (1.0, 0.0)
    assert result.clear


def test_one_seed_says_nothing_of_chance() -> None:
    assert math.isnan(interval([1.0]).half)
    assert not interval([1.0]).clear


def test_fairness_is_one_if_all_are_equally_busy() -> None:
    assert jain([0.5, 0.5, 0.5]) == pytest.approx(1.0)
    assert jain([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.071, "; 7% above the highest floor."),
        (0.0, "; 0% above the highest floor."),
        (-0.03, "; at the highest floor: below its estimate, by chance."),
    ],
)
def test_nothing_is_said_to_beat_what_no_policy_beats(share: float, words: str) -> None:
    result = found(2)
    for profile in result["profiles"]:
        profile["above"] = {"a floor": share, "a lower one": 0.5}
    assert summary(result).endswith(words)
    assert above(-0.03) == "-3.0% by chance"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5h", 5400), ("2d", 172_800)]
)
def test_lengths_of_time_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


def test_lengths_of_time_are_written_with_a_unit_that_suits() -> None:
    assert [readable(s) for s in (0, 0.5, 59, 60, 5400, 200_000)] == [
        "0 s",
        "0.5 s",
        "59 s",
        "1 m",
        "1.5 h",
        "2.31 d",
    ]


def test_the_document_holds_every_profile_and_is_plain_json() -> None:
    result = orjson.loads(orjson.dumps(found()))
    assert [profile["name"] for profile in result["profiles"]] == [
        "default",
        "longest_idle",
        "queue_balance",
    ]
    floors = {floor["name"]: floor["mean_wait_s"]["mean"] for floor in result["floors"]}
    assert set(floors) >= {"pooled replay", "class partition", "exact optimum", "hindsight"}
    for profile in result["profiles"]:
        assert profile["above"]["pooled replay"] >= 0
        assert set(profile["groups"]) == {"first", "second", "third"}


def test_pieces_of_work_are_counted() -> None:
    calls: list[int] = []
    asked = experiment()
    run(asked, 1, lambda: calls.append(1))
    assert len(calls) == steps(asked) == 12


def test_processes_find_what_one_finds() -> None:
    one, two = findings(), run(experiment(), 2, lambda: None)
    assert one.floors == two.floors
    for name, measures in one.measures.items():
        assert [m.values for m in measures] == [m.values for m in two.measures[name]]


class Reader(HTMLParser):
    """Collects what a page would load, and checks that tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)
        assert tag not in ("script", "link", "img", "iframe")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone() -> None:
    text = page(found())
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.loads == []
    assert "url(" not in text
    assert "@import" not in text
    assert text.count("<svg") == 4
    assert "patchbay simulate &lt;x&gt;" in text
    assert "nan" not in text.split("</style>")[1].replace("dominant", "")


def test_the_page_knows_dark_and_small_screens() -> None:
    text = page(found())
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_a_terminal_shows_all_of_it() -> None:
    console = Console(file=StringIO(), width=200)
    console.print(rendered(found()))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("mean wait", "Difference to default", "pooled replay", "exact optimum"):
        assert words in text


def test_a_skill_is_worth_most_where_tickets_wait_for_it() -> None:
    busy = desk(
        {"short": 0.95, "plenty": 0.2},
        {"alone": ("short",), "idle": ("plenty",), "rested": ("plenty",)},
        40,
    )
    prices = skill_prices(busy, 2)
    assert prices[0].skill == "short"
    assert prices[0].saved_s > 0
    assert "short" not in {price.skill for price in prices if price.agent == "alone"}
