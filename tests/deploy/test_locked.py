"""What an image installs: the part of the lock that its service reaches, and nothing else."""

import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.build.locked import TARGETS, closure, read_lock, requirements
from tests.deploy.documents import ROOT

LOCK = """\
apple==1 \\
    --hash=sha256:aa
    # via patchbay (pyproject.toml)
core==1 ; python_version < '3.12' \\
    --hash=sha256:bb
    # via
    #   apple
    #   quince
core==2 ; python_version >= '3.12' \\
    --hash=sha256:cc
    # via apple
seed==1 \\
    --hash=sha256:dd
    # via core
quince==1 \\
    --hash=sha256:ee
    # via patchbay (pyproject.toml:test)
"""

#: Imports everything of a service while only these top-level modules can be found.
IMPORT_ALL = """
import importlib, pkgutil, sys
from importlib.machinery import PathFinder

class Image(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        found = name.partition(".")[0] not in refused
        return super().find_spec(name, path, target) if found else None

refused = set(sys.argv[2].split(","))
sys.meta_path[:] = [Image if finder is PathFinder else finder for finder in sys.meta_path]
for top in sys.argv[1].split(","):
    for found in pkgutil.walk_packages(importlib.import_module(top).__path__, top + "."):
        if ".migrations" not in found.name:
            importlib.import_module(found.name)
from services.cli.main import COMMANDS
for command in sys.argv[3].split(","):
    importlib.import_module(COMMANDS[command][0])
"""

SERVICES = {
    "intake": ("shared,services.intake", "intake"),
    "router": ("shared,services.router", "router"),
    "notifier": ("shared,services.notifier", "notifier,doctor,dead,verify"),
    "standalone": (
        "shared,services.intake,services.router,services.notifier",
        "serve,keys,migrate",
    ),
    "migrate": ("shared.db", "migrate,keys,dead,verify"),
}


def test_what_a_package_wants_comes_along_and_what_only_others_want_does_not():
    assert closure(read_lock(LOCK), ["apple"]) == ["apple", "core", "seed"]


def test_a_package_that_is_locked_twice_keeps_both_versions_and_no_comments():
    core = read_lock(LOCK)["core"]

    assert [line.split()[0] for line in core.lines if "==" in line] == ["core==1", "core==2"]
    assert core.wanted_by == {"apple", "quince"}
    assert not [line for line in core.lines if "#" in line]


def test_a_root_that_is_not_locked_is_an_error():
    with pytest.raises(KeyError):
        closure(read_lock(LOCK), ["pear"])


@pytest.mark.parametrize("target", TARGETS)
def test_everything_has_a_version_and_a_hash(target):
    pinned = [line for line in requirements(target).splitlines() if not line.startswith(" ")]

    assert pinned
    assert all("==" in line for line in pinned)
    assert requirements(target).count("--hash=") >= len(pinned)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_of_tests_or_development_comes_along(target):
    assert not names(target) & {"pytest", "ruff", "mypy", "uv", "moto", "schemathesis"}


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_installed_is_complete(target):
    present = names(target)
    missing = [
        f"{name} wants {requirement}"
        for name in present
        for text in (distribution(name).requires or () if distribution(name) else ())
        for requirement in [Requirement(text)]
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if canonicalize_name(requirement.name) not in present
    ]

    assert missing == []


@pytest.mark.parametrize("target", TARGETS)
def test_a_service_imports_with_only_what_its_image_holds(target):
    modules, commands = SERVICES[target]
    present = names(target)
    refused = sorted(
        top
        for top, owners in metadata.packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & {*present, "patchbay"}
    )
    command = [sys.executable, "-c", IMPORT_ALL, modules, ",".join(refused), commands]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert "pytest" in refused
    assert done.returncode == 0, done.stderr


def names(target):
    """The packages of a target that this interpreter would install."""
    lines = requirements(target).splitlines()
    found = [Requirement(line.rstrip(" \\")) for line in lines if not line.startswith(" ")]
    return {
        canonicalize_name(each.name) for each in found if not each.marker or each.marker.evaluate()
    }


def distribution(name):
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
