"""The page of the benchmarks: written from a result, with aims, limits and what disturbed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.document.model import Section
from tests.bench.document.plots import plots
from tests.bench.document.ratios import ratios
from tests.bench.document.readme import BEGIN, END, with_figures
from tests.bench.document.render import SECTIONS, render
from tests.bench.parts import PARTS
from tests.bench.results import write_docs

ROOT = Path(__file__).parents[3]
MACHINE = {"cores": 2, "memory_gb": 24, "processor": "A processor", "kernel": "Linux 6"}


def result(figures: dict[str, Any], **more: Any) -> dict[str, Any]:
    note = {
        "title": "http: intake",
        "at": "2026-01-02T03:04:05+00:00",
        "seconds": 12.0,
        "load_before": 0.5,
        "load_after": 2.5,
        "busy": 0.97,
        "stolen": 0.123,
    }
    return {
        "at": "2026-01-02T03:04:05+00:00",
        "machine": MACHINE,
        "versions": {"Python": "3.11.7", "PostgreSQL": "15.1"},
        "quick": False,
        "notes": {"http: intake": note},
        "figures": figures,
        "ratios": ratios(figures, dict.fromkeys(figures, "one")),
        **more,
    }


def names(section: Section) -> Iterator[str]:
    yield from (each.name for each in section.figures + section.by_process + section.by_tenth)
    matrix = section.matrix
    if matrix is not None:
        yield from (column.format(row=row) for column in matrix.columns for row in matrix.rows)


def test_an_aim_is_kept_or_not_and_a_ratio_is_of_one_run() -> None:
    page = render(result({"intake_64_per_s": 1000.0, "baseline_http_64_per_s": 500.0}), (), "")
    assert "| Accepting tickets | ratio to the baseline | 2.00 | ≥ 2.50 | **no** |" in page
    page = render(result({"at_50_webhook_p99_ms": 120.0}), (), "")
    assert "created to webhook at 50 %, p99, ms | 120 | < 250 | yes |" in page


def test_figures_of_two_runs_make_no_ratio() -> None:
    figures = {"mail_per_s": 200.0, "mail_bare_per_s": 4000.0}
    assert ratios(figures, dict.fromkeys(figures, "one")) == {"mail_vs_bare_loop": 0.05}
    assert ratios(figures, {"mail_per_s": "one", "mail_bare_per_s": "another"}) == {}


def test_an_aim_s_title_can_stand_alone() -> None:
    titles = [each.title for section in SECTIONS for each in section.figures if each.aim]
    assert not [title for title in titles if title.startswith("…")]


def test_a_part_that_was_not_measured_is_not_there() -> None:
    page = render(result({"mail_per_s": 213.0}), (), "")
    assert "## Mail" in page
    assert "## Bulk" not in page
    assert "| mails, /s | 213 | ≥ 200 |" in page


def test_each_section_says_what_limits_it_or_why_it_was_not_measured() -> None:
    for section in SECTIONS:
        assert section.limits or section.reasons, section.title
    page = render(result({"helpdesk_reason": "It could not be installed."}), (), "")
    assert "It could not be installed." in page


def test_each_section_can_be_measured_alone() -> None:
    assert {section.part for section in SECTIONS} == set(PARTS)
    page = render(result({"mail_per_s": 213.0}), (), "")
    assert "Alone: `.venv/bin/python -m tests.bench --only mail`." in page


def test_the_host_s_noise_stands_beside_the_figures() -> None:
    page = render(result({}), (), "")
    assert "| http: intake | 2026-01-02 03:04 | 12 | 97% | 12.3% | 0.5 to 2.5 |" in page


def test_a_quick_run_says_so() -> None:
    assert "A quick run" in render(result({}, quick=True), (), "")


def test_no_figure_is_in_two_places() -> None:
    found = [name for section in SECTIONS for name in names(section)]
    # The two latencies that have an aim stand in the table of shares too, as does the largest list.
    twice = {"at_50_assigned_p99_ms", "at_50_webhook_p99_ms", "growth_large_list_p99_ms"}
    assert {name for name in found if found.count(name) > 1} == twice


def test_plots_are_drawn_of_what_was_measured() -> None:
    shares = {
        f"at_{share}_{stage}_{which}_ms": float(share)
        for share in (25, 50, 75, 100)
        for stage in ("assigned", "webhook")
        for which in ("p50", "p99")
    }
    drawn = plots(result(shares))
    assert list(drawn) == ["latency"]
    assert drawn["latency"].startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "created to webhook" in render(result(shares), drawn, "images/")
    assert "](images/bench-latency.svg)" in render(result(shares), drawn, "images/")


def test_figures_of_several_runs_say_which_commit_they_are_of() -> None:
    made = {"commit": "0123456789abcdef", "machine": MACHINE, "versions": {"Python": "3.11.7"}}
    found = result(
        {"mail_per_s": 213.0, "bulk_per_s": 10.0},
        runs={"mail_per_s": "monday", "bulk_per_s": "tuesday"},
        conditions={"monday": made, "tuesday": {**made, "commit": "fedcba9876543210+"}},
    )
    page = render(found, (), "")
    assert "- 1 figures of monday, commit 0123456789ab: 2 cores, 24 GiB" in page
    assert "- 1 figures of tuesday, commit fedcba987654+: 2 cores" in page


def test_without_a_run_no_page_is_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_docs(tmp_path / "latest.json", tmp_path)


def test_what_is_in_no_commit_is_not_published(tmp_path: Path) -> None:
    readme, run = tmp_path / "README.md", tmp_path / "latest.json"
    readme.write_text(f"# Desk\n\n{BEGIN}\nold\n{END}\n\nThe rest.\n")
    made = {"commit": "0123456789abcdef", "machine": MACHINE, "versions": {"Python": "3.11.7"}}
    figures = {"mail_per_s": 213.0, "search_p50_ms": 18.0, "search_p99_ms": 83.0}
    run.write_text(json.dumps(result(figures, conditions={"monday": made}, **made)))
    write_docs(run, tmp_path, readme)
    written = readme.read_text()
    assert "| searches, a million tickets | 18 | 83 |" in written
    assert "commit 0123456789ab: 2 cores" in written
    assert "old" not in written
    assert written.startswith("# Desk\n")
    assert written.endswith("The rest.\n")
    changed = {**made, "commit": "0123456789abcdef+"}
    run.write_text(json.dumps(result(figures, conditions={"monday": changed}, **changed)))
    with pytest.raises(ValueError, match="in no commit"):
        write_docs(run, tmp_path, readme)
    assert readme.read_text() == written


def test_the_readme_has_the_figures_of_the_documentation() -> None:
    kept = json.loads((ROOT / "docs/benchmarks.json").read_text())
    readme = (ROOT / "README.md").read_text()
    assert with_figures(readme, kept) == readme


def test_the_page_in_the_documentation_is_that_of_its_result() -> None:
    # After a change of its texts: python -m tests.bench --write-docs --result docs/benchmarks.json
    kept = json.loads((ROOT / "docs/benchmarks.json").read_text())
    page = (ROOT / "docs/benchmarks.md").read_text()
    assert render(kept, plots(kept), "images/") == page
    for image in re.findall(r"\]\((images/bench-[\w.-]+)\)", page):
        assert (ROOT / "docs" / image).exists()


def test_all_that_can_be_measured_is_in_the_documentation_or_has_its_reason() -> None:
    kept = json.loads((ROOT / "docs/benchmarks.json").read_text())
    figures = kept["figures"]
    # Both sides of every ratio are; those of two runs make none.
    measured = {**figures, **ratios(figures, dict.fromkeys(figures, "one"))}
    for section in SECTIONS:
        if not any(reason in measured for reason in section.reasons):
            assert not [name for name in names(section) if name not in measured], section.title
