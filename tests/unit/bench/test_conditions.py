"""What stands beside a figure: how long it took, and how much the host disturbed."""

from typing import Any

from tests.bench.conditions import in_words, machine, noted


def test_a_note_says_how_long_and_how_noisy_a_block_was() -> None:
    notes: list[dict[str, Any]] = []
    with noted("pipeline: as fast as it goes", notes):
        sum(range(200_000))
    (note,) = notes
    assert note["title"] == "pipeline: as fast as it goes"
    assert note["seconds"] > 0
    assert 0 <= note["stolen"] <= 1
    assert 0 <= note["busy"] <= 1


def test_a_note_is_one_line() -> None:
    note = {"seconds": 12.3, "busy": 0.97, "stolen": 0.0123, "load_before": 0.5, "load_after": 2.0}
    assert in_words(note) == "12 s, processors 97% busy, 1.2% stolen, load 0.5 to 2.0"


def test_the_machine_is_told_without_its_name() -> None:
    found = machine()
    assert set(found) == {"cores", "memory_gb", "processor", "kernel"}
    assert found["cores"] >= 1
