"""A run as Markdown: what `make bench` prints and what docs/benchmarks.md is."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tests.bench.document.model import Section, Values, number
from tests.bench.document.single_parts import SINGLE_PARTS
from tests.bench.document.whole_way import WHOLE_WAY

SECTIONS: tuple[Section, ...] = (*WHOLE_WAY, *SINGLE_PARTS)

_HEAD = """\
# Benchmarks: what was measured, with what, and what limits it

This page is written by a program from what runs measured; to change a text, change
`tests/bench/document`.

```bash
make bench                                       # everything: some forty minutes on two cores
.venv/bin/python -m tests.bench --quick          # a tenth of it, for a look
.venv/bin/python -m tests.bench --only pipeline  # a part; with --add beside the last run's
.venv/bin/python -m tests.bench --write-docs     # this page and its plots, from the last run
```

A run starts a PostgreSQL (`fsync` on) and a RabbitMQ of its own. Servers, processes under test,
load and receivers share the one machine. Each figure is of one run, next to its baseline in the
same run: compare those, and not absolute figures of two machines or two days.
"""


def render(result: Mapping[str, Any], plots: Collection[str], images: str) -> str:
    """Return the page; `plots` are those there are, in `images` as seen from the page."""
    values: Values = {**result["figures"], **result["ratios"]}
    lines = [_HEAD, machine_line(result), "", *_runs(result)]
    if result["quick"]:
        lines += [
            "**A quick run, a tenth of the work: figures are rough, and of few tickets.**",
            "",
        ]
    lines += _aims(values)
    for section in SECTIONS:
        lines += _section(section, values, plots, images)
    lines += _notes(result["notes"])
    return "\n".join(lines).rstrip("\n") + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a table whose first column is text and whose others are numbers."""
    names = list(head)
    ruler = ["---", *["---:"] * (len(names) - 1)]
    return [*(f"| {' | '.join(row)} |" for row in (names, ruler, *rows)), ""]


def machine_line(result: Mapping[str, Any]) -> str:
    """Return when a result was measured, of which commit, on what, and with which versions."""
    of = f", commit {_short(result['commit'])}" if "commit" in result else ""
    return f"Run of {result['at']}{of}: {_made_on(result)}"


def _made_on(result: Mapping[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    installed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{machine['cores']} cores, {machine['memory_gb']} GiB, "
        f"{machine['processor']}, {machine['kernel']}; {installed}."
    )


def _runs(result: Mapping[str, Any]) -> Iterator[str]:
    """Tell of the runs that the figures are of, if there is more than one."""
    conditions: Mapping[str, Mapping[str, Any]] = result.get("conditions", {})
    if len(conditions) < 2:
        return
    yield "The figures are of several runs:"
    yield ""
    for at, each in conditions.items():
        parts = sum(run == at for run in result["runs"].values())
        yield f"- {parts} figures of {at}, commit {_short(each['commit'])}: {_made_on(each)}"
    yield ""


def _short(commit: str) -> str:
    return f"{commit[:12]}{'+' if commit.endswith('+') else ''}"


def _aims(values: Values) -> Iterator[str]:
    rows = [
        (
            section.title,
            each.title,
            number(values[each.name]),
            str(each.aim),
            _kept(each.aim.kept(values[each.name])),
        )
        for section in SECTIONS
        for each in section.figures
        if each.aim is not None and each.name in values
    ]
    if rows:
        yield "## Aims"
        yield ""
        yield from table(("part", "figure", "value", "aim", "kept"), rows)


def _kept(kept: bool) -> str:  # noqa: FBT001 -- a word for a truth
    return "yes" if kept else "**no**"


def _section(
    section: Section, values: Values, plots: Collection[str], images: str
) -> Iterator[str]:
    body = [
        *_figures(section, values),
        *_matrix(section, values),
        *_by_process(section, values),
        *(
            f"By tenths, {each.title}: {', '.join(map(number, values[each.name]))} a second.\n"
            for each in section.by_tenth
            if each.name in values
        ),
        *(f"{values[name]}\n" for name in section.reasons if name in values),
    ]
    if not body:
        return
    command = f"Alone: `.venv/bin/python -m tests.bench --only {section.part}`."
    yield from (f"## {section.title}", "", f"{section.measured} {command}", "", *body)
    if section.plot in plots:
        yield from (f"![{section.title}]({images}bench-{section.plot}.svg)", "")
    if section.limits:
        yield from (f"**What limits it.** {section.limits}", "")


def _figures(section: Section, values: Values) -> list[str]:
    found = [each for each in section.figures if each.name in values]
    rows = [(each.title, number(values[each.name]), str(each.aim or "")) for each in found]
    return table(("figure", "value", "aim"), rows) if rows else []


def _matrix(section: Section, values: Values) -> list[str]:
    matrix = section.matrix
    if matrix is None:
        return []
    rows = []
    for row, label in matrix.rows.items():
        cells = [values.get(column.format(row=row)) for column in matrix.columns]
        if any(cell is not None for cell in cells):
            rows.append((label, *("" if cell is None else number(cell) for cell in cells)))
    return table((matrix.head, *matrix.columns.values()), rows) if rows else []


def _by_process(section: Section, values: Values) -> list[str]:
    found = [each for each in section.by_process if each.name in values]
    names = list(dict.fromkeys(process for each in found for process in values[each.name]))
    rows = [
        (
            name,
            *(
                number(values[each.name][name]) if name in values[each.name] else ""
                for each in found
            ),
        )
        for name in names
    ]
    return table(("process", *(each.title for each in found)), rows) if rows else []


def _notes(notes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## How quiet the machine was"
    yield ""
    yield (
        "*Stolen* is the share of the processors' time that the hypervisor gave to others "
        "(`/proc/stat`), *load* the average of the last minute before and after. What was "
        "measured while much was stolen is an outlier of the host."
    )
    yield ""
    yield from table(
        ("part", "at, UTC", "s", "busy", "stolen", "load"),
        (
            (
                note["title"],
                note["at"][:16].replace("T", " "),
                f"{note['seconds']:.0f}",
                f"{note['busy']:.0%}",
                f"{note['stolen']:.1%}",
                f"{note['load_before']:.1f} to {note['load_after']:.1f}",
            )
            for note in notes.values()
        ),
    )
