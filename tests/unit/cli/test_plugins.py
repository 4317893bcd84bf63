"""patchbay plugins: everything that is installed, and what cannot be used with its reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.plugins import PluginKind, installed

ROOT = Path(__file__).parents[3]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder with a distribution whose plugins cannot be imported, each in its own way."""
    info = tmp_path / "broken_plugins-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugins\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text(
        "[patchbay.filters]\nleaves = leaving:Filter\ncapacity = leaving:Filter\n"
        "[patchbay.orders]\nabsent = no_such_module:Order\n"
    )
    (tmp_path / "leaving.py").write_text("raise SystemExit('[red]bye[/red]')\n")
    return tmp_path


def run(*options: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT}" if path else str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "services.cli", "plugins", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_plugin_is_listed_with_its_origin_and_what_it_does() -> None:
    done = run("--check")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {tuple(line.split()[:4]) for line in done.stdout.splitlines()[1:]}
    own = [found for kind in PluginKind for found in installed(kind).values() if found.own]
    assert {(f.kind.value, f.name, f.distribution, f.version) for f in own} <= rows
    assert "Keeps a ticket within its teams." in done.stdout


def test_what_cannot_be_imported_is_listed_with_its_error(broken: Path) -> None:
    done = run(path=broken)
    assert done.returncode == 0
    assert "cannot be used: SystemExit: [red]bye[/red]" in done.stdout
    assert "cannot be used: ModuleNotFoundError: No module named 'no_such_module'" in done.stdout


def test_check_ends_with_1_if_one_cannot_be_imported(broken: Path) -> None:
    done = run("--json", "--check", path=broken)
    assert done.returncode == 1
    listed = {plugin["name"]: plugin for plugin in json.loads(done.stdout)}
    assert listed["leaves"] == {
        "kind": "filter",
        "name": "leaves",
        "distribution": "broken-plugins",
        "version": "0.3",
        "summary": "",
        "error": "SystemExit: [red]bye[/red]",
    }
    assert listed["absent"]["error"].startswith("ModuleNotFoundError")
    assert listed["team"]["error"] is None


def test_patchbays_own_plugin_wins_over_another_of_its_name(broken: Path) -> None:
    listed = {plugin["name"]: plugin for plugin in json.loads(run("--json", path=broken).stdout)}
    assert listed["capacity"]["distribution"] == "patchbay"
