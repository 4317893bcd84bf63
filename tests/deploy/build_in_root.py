"""Does what the Dockerfile says without Docker: each target in a copy of a clean Debian root.

    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm var/root
    python -m tests.deploy.build_in_root var/root intake router notifier standalone migrate

As root. COPY and RUN are done by chroot(8) on copies beside the given root, `var/root.TARGET`; ENV,
USER, WORKDIR and CMD are what a run of the container would use, and what `enter` starts it with.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.deploy.dockerfile import ROOT, Instruction, Stage, ancestry, environment, stages

IGNORED = shutil.ignore_patterns("__pycache__")


def build(clean: Path, target: str) -> Path:
    """Build a target; return its root."""
    known = stages()
    roots: dict[str, Path] = {}

    def built(name: str) -> Path:
        if name in roots:
            return roots[name]
        stage = known[name]
        root = clean.with_name(f"{clean.name}.{name}")
        shutil.rmtree(root, ignore_errors=True)
        if stage.base == "scratch":
            root.mkdir()
        else:
            base = built(stage.base) if stage.base in known else clean
            # Hard links: a stage only adds files.
            subprocess.run(["cp", "--archive", "--link", base, root], check=True)
        workdir = _workdir(stage.base) if stage.base in known else "/"
        for each in stage.instructions:
            if each.name == "WORKDIR":
                workdir = each.text
                (root / workdir.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif each.name == "COPY":
                source = built(each.option("from") or "") if each.option("from") else ROOT
                _copy(each, source, root, workdir)
            elif each.name == "RUN":
                _run(each, root, workdir)
        roots[name] = root
        return root

    root = built(target)
    for name, other in roots.items():
        if name != target:
            shutil.rmtree(other)
    return root


def enter(root: Path, target: str, command: list[str], extra: dict[str, str]) -> list[str]:
    """Return the command line that runs something in a built root as its container would.

    The root is mounted read-only but for /tmp and the volume, in a mount namespace of its own, as
    uid 10001 without capabilities.
    """
    path = "/opt/patchbay/bin:/usr/local/bin:/usr/bin:/bin"
    values = {**environment(target), "PATH": path, **extra}
    mounts = (
        f"mount --bind {root} {root} && mount --bind {root}/var/lib/patchbay "
        f"{root}/var/lib/patchbay && mount -t tmpfs -o mode=1777 tmp {root}/tmp && "
        f"mount -o remount,bind,ro {root} && "
        f"exec setpriv --reuid=10001 --regid=10001 --clear-groups --inh-caps=-all "
        f'--bounding-set=-all --no-new-privs -- "$@"'
    )
    # setpriv comes first: chroot(8) needs a capability, so it is done by the namespace's root.
    inside = ["env", "-i", *(f"{name}={value}" for name, value in values.items()), *command]
    mounts = mounts.replace("exec setpriv", f"exec chroot {root} setpriv")
    return ["unshare", "--mount", "sh", "-ec", mounts, "sh", *inside]


def _workdir(name: str) -> str:
    found = [each for stage in ancestry(name) for each in stage.all("WORKDIR")]
    return found[-1].text if found else "/"


def _copy(each: Instruction, source: Path, root: Path, workdir: str) -> None:
    *froms, to = each.words
    into = root / to.lstrip("/") if to.startswith("/") else root / workdir.lstrip("/") / to
    for name in froms:
        path = source / name.lstrip("/")
        if path.is_dir():
            shutil.copytree(path, into, dirs_exist_ok=True, symlinks=True, ignore=IGNORED)
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into)


def _run(each: Instruction, root: Path, workdir: str) -> None:
    # What lets this machine reach its package index goes along, as a build argument would.
    network = re.compile(r"(PIP|UV|SSL|HTTPS?|NO|ALL)_.*|.*_proxy", re.IGNORECASE)
    known = {name: value for name, value in os.environ.items() if network.fullmatch(name)}
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    command = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    command += [f"{name}={value}" for name, value in known.items()]
    command += ["sh", "-c", f'cd {workdir} && exec "$@"', "sh", *each.words]
    subprocess.run(["chroot", root, *command], check=True)


def names(given: list[str]) -> list[Stage]:
    """Return the targets of that name. Raises KeyError."""
    known = stages()
    return [known[name] for name in given]


if __name__ == "__main__":
    for stage in names(sys.argv[2:]):
        print(build(Path(sys.argv[1]).absolute(), stage.name))  # noqa: T201 -- the answer
