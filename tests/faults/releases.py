"""Other releases than this one, as folders whose `services` and `shared` a process can run.

The one before is the wheel of the newest tag, or else of the newest commit, whose code differs from
what is here. The one after is this code and what a test adds.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.faults.processes import ROOT

#: What goes into the wheel, and what is needed to build it.
CODE = ("services", "shared", "pyproject.toml")
SOURCES = (*CODE, "README.md", "LICENSE")


def release_before(folder: Path) -> Path:
    """Build and unpack the wheel of the release before; return its folder.

    Skips, or fails in CI, where the history does not reach so far back.
    """
    commit = _commit_before()
    sources, wheels, release = (folder / name for name in ("sources", "wheels", "release"))
    sources.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", commit, *SOURCES], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x"], cwd=sources, input=archive.stdout, check=True)
    # Without an environment of its own, which would have to be downloaded.
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=sources, capture_output=True, check=True)
    [wheel] = wheels.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(release)
    return release


def release_after(folder: Path, migrations: dict[str, str]) -> Path:
    """Copy this code and add migrations, by their names; return the folder."""
    for package in ("services", "shared"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    for name, source in migrations.items():
        path = folder / "shared/db/migrations/versions" / f"{name}.py"
        path.write_text(source)
    return folder


def _commit_before() -> str:
    if not _git("rev-parse", "--git-dir"):
        pytest.skip("there is no history: this is no git repository")
    for tag in _git("tag", "--sort=-creatordate", "--merged", "HEAD").split():
        if _differs(tag):
            return tag
    newest = "HEAD" if _differs("HEAD") else _git("log", "-1", "--format=%H", "--", *CODE) + "^"
    commit = _git("rev-parse", "--verify", "--quiet", f"{newest}^{{commit}}")
    if commit:
        return commit
    shallow = _git("rev-parse", "--is-shallow-repository") == "true"
    reason = "the clone is shallow: git fetch --unshallow" if shallow else "this is the first"
    if "CI" in os.environ and shallow:
        pytest.fail(f"there is no release before this one: {reason}")
    pytest.skip(f"there is no release before this one: {reason}")


def _differs(commit: str) -> bool:
    done = subprocess.run(
        ["git", "diff", "--quiet", commit, "--", *CODE], cwd=ROOT, capture_output=True, check=False
    )
    return done.returncode == 1


def _git(*arguments: str) -> str:
    """Return what git says, or nothing where it fails."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
