"""The result of a run on disk: latest.json is the one source, page and plots are drawn from it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.conditions import commit, machine, versions
from tests.bench.document.plots import plots
from tests.bench.document.ratios import ratios
from tests.bench.document.readme import with_figures
from tests.bench.document.render import render

DOCS = Path("docs")
README = Path("README.md")
LATEST = "latest.json"


class Results:
    """What a run has measured so far, written after each part: a part that fails costs no other.

    With `add`, what the last run in `directory` measured is kept; parts measured now replace it.
    """

    def __init__(self, directory: Path, *, quick: bool, add: bool) -> None:
        self._directory, self._quick = directory, quick
        last = _load(directory) if add else {}
        self._began = datetime.now(UTC).isoformat(timespec="seconds")
        self._figures: dict[str, Any] = last.get("figures", {})
        #: When the run began that measured a figure: a ratio is of one run.
        self._runs: dict[str, str] = last.get("runs", {})
        #: Under what each of these runs was made.
        self._conditions: dict[str, Any] = last.get("conditions", {})
        self._conditions[self._began] = {
            "commit": commit(),
            "machine": machine(),
            "versions": versions(),
        }
        self._notes: dict[str, Any] = last.get("notes", {})
        self._quick |= last.get("quick", False)

    def add(self, note: dict[str, Any], figures: Mapping[str, Any]) -> str:
        """Keep the figures of a part, measured under the conditions of a note; return the page."""
        self._figures |= figures
        self._runs |= dict.fromkeys(figures, self._began)
        self._notes[note["title"]] = note
        result = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            **self._conditions[self._began],
            "conditions": {each: self._conditions[each] for each in self._of_use()},
            "quick": self._quick,
            "notes": self._notes,
            "figures": self._figures,
            "runs": self._runs,
            "ratios": ratios(self._figures, self._runs),
        }
        return _write(result, self._directory / LATEST, self._directory / "latest.md", "")

    def _of_use(self) -> list[str]:
        """Return the runs that are known and of which a figure is kept."""
        return sorted(self._conditions.keys() & set(self._runs.values()))


def _load(directory: Path) -> dict[str, Any]:
    """Return the last run of a directory; nothing if there is none."""
    try:
        found: dict[str, Any] = json.loads((directory / LATEST).read_text())
    except FileNotFoundError:
        return {}
    return found


def write_docs(result_file: Path, docs: Path = DOCS, readme: Path = README) -> Path:
    """Write page, README's figures, result and plots of a run; return the page's path.

    Raises FileNotFoundError without a run, and ValueError if code was measured that is in no
    commit: nobody could measure that again.
    """
    result = json.loads(result_file.read_text())
    changed = [at for at, each in result["conditions"].items() if each["commit"].endswith("+")]
    if changed:
        raise ValueError(f"the run of {changed[0]} measured code that is in no commit")
    page = docs / "benchmarks.md"
    readme.write_text(with_figures(readme.read_text(), result))
    _write(result, docs / "benchmarks.json", page, "images/")
    return page


def _write(result: dict[str, Any], data: Path, page: Path, images: str) -> str:
    drawn = plots(result)
    (page.parent / images).mkdir(parents=True, exist_ok=True)
    for name, plot in drawn.items():
        (page.parent / images / f"bench-{name}.svg").write_text(plot)
    data.write_text(json.dumps(result, indent=1) + "\n")
    text = render(result, drawn, images)
    page.write_text(text)
    return text
