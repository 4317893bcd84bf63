"""A package of somebody else, installed with pip, is listed, decides and is named as the reason."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tests" / "plugins" / "patchbay-example-plugin"
DOCUMENT = ROOT / "docs" / "routing-plugins.md"

#: Decides about one ticket with two agents who differ in nothing but their teams and skills.
DECIDE = """
import json, sys
from services.router.matching import Wanted
from services.router.model import Need
from services.router.profile import parse_profile
from services.router.strategy import StrategyBuilder
from services.router.watchdog import Watchdog
from shared.schemas.profile import ProfileSchema
from tests.routing import candidate, subject, table_of

profile = ProfileSchema().load(json.loads(sys.argv[1]))
strategy = StrategyBuilder(Watchdog(5.0)).build(parse_profile("theirs", 1, profile))
assert strategy.pipeline.faults == (), strategy.pipeline.faults
agents = [
    candidate(1, teams=frozenset({"network", "service"}), skills={"vip-care": 1}),
    candidate(2, teams=frozenset({"network"})),
]
ticket = Wanted(subject(Need("network", (), tags=("vip",))), strategy.pipeline)
[choice] = strategy.matcher.match(table_of(agents), [ticket])
print(json.dumps({
    "winner": choice.winner and choice.winner.id,
    "ranking": [[s.candidate.id, dict(s.scores)] for s in choice.ranking],
    "rejected": [[r.filter, r.reason, list(r.agent_ids)] for r in choice.rejections],
}))
"""


def run(*command: object, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that sees this one's packages and has the plugin."""
    folder = tmp_path_factory.mktemp("outside")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    interpreter = folder / "venv" / "bin" / "python"
    [site_packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    # Not a plain path: that would leave out what is installed here as editable, Patchbay itself.
    path = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (site_packages / "this-one.pth").write_text(path)
    shutil.copytree(PACKAGE, folder / "package")
    run(
        sys.executable,
        *("-m", "pip", "--python", interpreter, "--disable-pip-version-check", "install"),
        *("--quiet", "--no-index", "--no-build-isolation", "--no-deps", folder / "package"),
    )
    assert list(site_packages.glob("patchbay_example_plugin-*.dist-info"))
    return interpreter


def decide(python: Path, profile: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(run(python, "-c", DECIDE, json.dumps(profile))))


def test_it_is_listed_with_the_distribution_that_brought_it(python: Path) -> None:
    listed = json.loads(run(python, "-m", "services.cli", "plugins", "--json", "--check"))
    theirs = {
        (plugin["kind"], plugin["name"], plugin["version"])
        for plugin in listed
        if plugin["distribution"] == "patchbay-example-plugin"
    }
    assert theirs == {("filter", "trained_for_tag", "1.0.0"), ("scorer", "home_team", "1.0.0")}
    assert {plugin["distribution"] for plugin in listed} == {"patchbay", "patchbay-example-plugin"}


def test_its_scorer_changes_a_decision_and_is_named_in_it(python: Path) -> None:
    before = decide(python, {})
    assert before["winner"] == "agt_0001"
    after = decide(python, {"scorers": {"least_loaded": 1.0, "home_team": 0.5}})
    assert after["winner"] == "agt_0002"
    assert after["ranking"] == [
        ["agt_0002", {"least_loaded": 1.0, "home_team": 1.0}],
        ["agt_0001", {"least_loaded": 1.0, "home_team": 0.5}],
    ]


def test_its_filter_changes_a_decision_and_is_named_in_it(python: Path) -> None:
    profile = {
        "filters": ["team", "trained_for_tag", "presence", "capacity"],
        "scorers": {"home_team": 1.0},
    }
    decided = decide(python, profile)
    assert decided["winner"] == "agt_0001"
    assert decided["rejected"] == [["trained_for_tag", "is not trained for vip", ["agt_0002"]]]
    other_tag = {"trained_for_tag": {"tag": "board"}}
    assert decide(python, {**profile, "options": other_tag})["winner"] == "agt_0002"


def test_its_own_tests_pass(python: Path) -> None:
    package = python.parents[2] / "package"
    told = run(python, "-m", "pytest", "-q", "-p", "no:randomly", "tests", cwd=package)
    assert "2 passed" in told


def test_the_document_shows_the_package_as_it_is() -> None:
    shown = dict(re.findall(r"(?ms)^`([^`]+)`\n\n```\w+\n(.*?)^```$", DOCUMENT.read_text()))
    there = {
        str(path.relative_to(PACKAGE)): path.read_text()
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in (".py", ".toml")
    }
    assert shown == there
