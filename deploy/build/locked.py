"""Prints the part of requirements.lock that one service needs, hashes included.

    python deploy/build/locked.py intake

Nothing is resolved and no index is asked: the lock says of each package who wants it (`# via`), so
the packages of a service are what can be reached from those it names in pyproject.toml. It runs
before anything is installed, on the standard library alone.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: The extras of each target. Every process of a service opens the storage of attachments that
#: PATCHBAY_STORAGE_URL names, the router's too; `migrate` (and `keys`) opens the database alone.
TARGETS: Mapping[str, tuple[str, ...]] = {
    "intake": ("intake", "s3", "tracing"),
    "router": ("router", "s3", "tracing"),
    "notifier": ("notifier", "s3", "tracing"),
    "standalone": ("intake", "router", "notifier", "s3", "tracing"),
    "migrate": (),
}
#: What the steps of install.sh themselves stand on.
TOOLS: Mapping[str, tuple[str, ...]] = {"tool:uv": ("uv",), "tool:hatchling": ("hatchling",)}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VIA = re.compile(r"^ {4}#(?: via|  ) +(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<rest>.*)$")


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of the lock: its lines without comments, and the packages that want it."""

    lines: tuple[str, ...]
    wanted_by: frozenset[str]


def read_lock(text: str) -> dict[str, Locked]:
    """Return the packages of a lock by their normalised names."""
    found: dict[str, Locked] = {}
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    for block in blocks:
        if not block.strip() or block.startswith("#"):
            continue
        lines = tuple(line for line in block.splitlines() if line and not _is_comment(line))
        parents = (_VIA.match(line) for line in block.splitlines())
        # "patchbay (pyproject.toml)" is the project, which pyproject.toml tells more of.
        wanted_by = (match["name"] for match in parents if match and not match["rest"].strip())
        # A package is locked twice where the version depends on the interpreter.
        other = found.get(_normal(block), Locked((), frozenset()))
        found[_normal(block)] = Locked(
            other.lines + lines, other.wanted_by | frozenset(map(_normal, wanted_by))
        )
    return found


def closure(lock: Mapping[str, Locked], roots: Iterable[str]) -> list[str]:
    """Return the names of the roots and of all that they want, sorted.

    Raises KeyError for a root that is not in the lock.
    """
    needed: set[str] = set()
    fresh = {name for name in roots if lock[name]}
    while fresh:
        needed |= fresh
        fresh = {n for n, each in lock.items() if n not in needed and each.wanted_by & fresh}
    return sorted(needed)


def direct(pyproject: Mapping[str, object], extras: Iterable[str]) -> list[str]:
    """Return the names that a project and some of its extras depend on."""
    project = pyproject["project"]
    assert isinstance(project, dict)  # noqa: S101 -- our own file
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    return [_normal(requirement) for requirement in wanted]


def requirements(target: str) -> str:
    """Return the requirements of a target as pip and uv read them, pinned and with hashes."""
    lock = read_lock((ROOT / "requirements.lock").read_text())
    roots: Iterable[str] = TOOLS.get(target, ())
    if target in TARGETS:
        roots = direct(tomllib.loads((ROOT / "pyproject.toml").read_text()), TARGETS[target])
    return "".join(f"{line}\n" for name in closure(lock, roots) for line in lock[name].lines)


def _normal(requirement: str) -> str:
    """Return the name that a requirement begins with, as PEP 503 normalises it."""
    match = _NAME.match(requirement)
    assert match is not None  # noqa: S101 -- our own files
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def main() -> None:
    """Print the requirements of the target that the command line names."""
    known = [*TARGETS, *TOOLS]
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit(f"Name one of: {', '.join(known)}")
    sys.stdout.write(requirements(sys.argv[1]))


if __name__ == "__main__":
    main()
