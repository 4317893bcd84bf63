"""How long the API is examined, and what came out, at the end of the run.

pytest tests/api                                         a short look, always the same
pytest tests/api --api-cases 2000                        so many cases for each group of operations
pytest tests/api --api-cases 2000 --api-group tickets    for this one only
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.json"
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
#: The stateful run comes on top of the cases.
_COLUMNS = (
    "group", "mode", "examples", "coverage", "fuzzing", "cases", "stateful", "probes", "beyond",
    "failures",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--api-cases", type=int, default=0, help="Cases for each group; 0 for a short look."
    )
    parser.addoption(
        "--api-group", action="append", default=[], help="Only these groups; several times."
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Examine each group by a test of its own, in a database of its own; a short look at once.

    Reading the description takes longer than a short look does.
    """
    if "group" in metafunc.fixturenames:
        groups: list[str | None] = [None]
        if metafunc.config.getoption("--api-cases"):
            groups = metafunc.config.getoption("--api-group") or sorted(operations_by_group())
        metafunc.parametrize("group", groups)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--api-cases", 0):
        for item in items:
            item.add_marker(pytest.mark.timeout(3600))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found = [
        json.loads(text)
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, text in report.user_properties
        if name == "examined" and report.when == "call"
    ]
    if found:
        terminalreporter.section("cases of schemathesis")
        terminalreporter.write_line(_line(_COLUMNS))
        for row in sorted(found, key=lambda each: (each["mode"], each["group"])):
            terminalreporter.write_line(_line([str(row[name]) for name in _COLUMNS]))


def _line(cells: Sequence[str]) -> str:
    first, second, *rest = cells
    return f"{first:<14} {second:<12}" + "".join(f"{cell:>10}" for cell in rest)


def operations_by_group() -> dict[str, int]:
    """Return the groups of operations and how many each has."""
    found: dict[str, int] = {}
    for item in json.loads(_DESCRIPTION.read_bytes())["paths"].values():
        for method in _METHODS & set(item):
            for tag in item[method]["tags"]:
                found[tag] = found.get(tag, 0) + 1
    return found


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--api-cases", 0))


@pytest.fixture
def operations(group: str | None) -> int:
    """How many operations the group has."""
    return 1 if group is None else operations_by_group()[group]
