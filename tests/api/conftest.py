"""How long the API is examined, and what came out, at the end of the run.

pytest tests/api                     a short look, always the same
pytest tests/api --api-cases 2000    so many requests for each group of operations
"""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--api-cases", type=int, default=0, help="Requests for each group; 0 for a short look."
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--api-cases", 0):
        for item in items:
            item.add_marker(pytest.mark.timeout(7200))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, text in report.user_properties
        if name == "examined" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("requests of schemathesis")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--api-cases", 0))
