"""The newest figures are shown, as long as somebody renews them, also across processes."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from shared.db.figures.waiting import bounded
from shared.observability import metrics
from shared.observability.figures import AGENTS, LIST_BACKLOG, FigureBoard
from tests.figures import shown

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(params=["one process", "several processes"])
def board(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> FigureBoard:
    if request.param == "several processes":
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return FigureBoard()


def test_what_is_published_replaces_all_that_was_there(board: FigureBoard) -> None:
    board.publish({LIST_BACKLOG: [(("routing",), 3), (("events",), 1)]}, 60)
    board.publish({LIST_BACKLOG: [(("routing",), 2)]}, 60)
    assert shown(board) == {'patchbay_list_backlog{list="routing"}': 2}


def test_figures_that_nobody_renews_are_gone(board: FigureBoard) -> None:
    board.publish({LIST_BACKLOG: [(("routing",), 3)]}, 0)
    assert shown(board) == {}


def test_who_may_not_read_any_more_shows_nothing(board: FigureBoard) -> None:
    board.publish({LIST_BACKLOG: [(("routing",), 3)]}, 60)
    board.withdraw()
    assert shown(board) == {}


def test_of_several_processes_the_newest_figures_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    board = FigureBoard()
    board.publish({AGENTS: [(("online",), 1)]}, 60)
    newer = {
        "at": monotonic(),
        "until": monotonic() + 60,
        "figures": {AGENTS.name: [[["away"], 2]]},
    }
    (tmp_path / "figures_1.json").write_text(json.dumps(newer))
    assert shown(board) == {'patchbay_agents{presence="away"}': 2}


def test_live_gauges_of_a_process_that_is_gone_are_not_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    gone, here = tmp_path / "gauge_livesum_999999999.db", tmp_path / f"counter_{os.getpid()}.db"
    for each in (gone, here):
        each.write_bytes(b"\0" * 64)
    metrics.render()
    assert not gone.exists()
    assert here.exists()


def test_a_file_that_a_process_is_just_making_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    (tmp_path / f"counter_{os.getpid()}.db").touch()
    assert metrics.render()[0] == b""


def test_the_largest_groups_keep_their_names_and_the_others_are_added_up() -> None:
    hour = timedelta(hours=1)
    groups = [("a", 1, NOW), ("b", 5, NOW), ("c", 2, NOW - hour), ("b", 1, NOW - hour)]
    assert bounded(groups, 1) == [("b", 6, NOW - hour), ("other", 3, NOW - hour)]
    assert [name for name, _, _ in bounded(groups, 3)] == ["b", "c", "a"]
