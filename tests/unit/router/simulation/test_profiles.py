"""Profiles of the lab are production's documents, and complete."""

from pathlib import Path

import pytest

from services.router.profile import default_profile
from services.router.simulation.profile_files import built_in, read_profile
from services.router.simulation.theory.errors import LabError


@pytest.mark.parametrize("name", built_in())
def test_every_profile_that_ships_has_all_its_plugins(name: str) -> None:
    assert read_profile(name).name == name


def test_default_is_what_a_desk_has_that_says_nothing() -> None:
    shipped, usual = read_profile("default"), default_profile()
    assert (shipped.filters, shipped.scorers) == (usual.filters, usual.scorers)
    assert (shipped.matcher, shipped.order) == (usual.matcher, usual.order)


def test_a_profile_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("scorers: {longest_idle: 2}\n")
    assert read_profile(str(path)).scorers == {"longest_idle": 2.0}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("scorer: {}\n", "line 1, /scorer: Unknown field"),
        ("scorers: {telepathy: 1}\n", "scorer telepathy is not installed"),
        ("title: x\norder: 7\n", "line 2, /order"),
    ],
)
def test_a_bad_profile_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(LabError, match=complaint):
        read_profile(str(path))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"There is no profile best: .*least_loaded"):
        read_profile("best")
