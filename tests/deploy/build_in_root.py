"""Does what the Dockerfile says without Docker: each target in a copy of a clean Debian root.

    python -m tests.deploy.build_in_root FOLDER [TARGET…]     or: make image-check

As root. The clean root is FOLDER, made by debootstrap(8) unless it is there. COPY and RUN are done
by chroot(8) on copies beside it, FOLDER.TARGET; ENV, USER, WORKDIR and CMD are what a container
would use, and what `enter` starts it with: each target says how its command is used, which imports
its service, and the standalone one serves until it is told to end.
"""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

from deploy.build.locked import TARGETS
from shared.ports import LOOPBACK, choose_port
from tests.deploy.dockerfile import ROOT, Instruction, ancestry, environment, last, stages
from tests.waiting import eventually

#: What python:3.11-slim-bookworm has that matters here.
DEBOOTSTRAP = [
    "debootstrap",
    "--variant=minbase",
    "--include=python3,python3-venv,ca-certificates",
    "bookworm",
]
START_S, END_S = 60, 30
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
        f"mount -t proc proc {root}/proc && "
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
    for name in ("/etc/resolv.conf", known.get("SSL_CERT_FILE", "")):
        if name:
            # Not written into: the file is a link to that of the clean root.
            (root / name.lstrip("/")).unlink(missing_ok=True)
            shutil.copy(name, root / name.lstrip("/"))
    command = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    command += [f"{name}={value}" for name, value in known.items()]
    command += ["sh", "-c", f'cd {workdir} && exec "$@"', "sh", *each.words]
    subprocess.run(["chroot", root, *command], check=True)


def make_root(folder: Path) -> None:
    """Install a clean Debian. Raises FileNotFoundError without debootstrap."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*DEBOOTSTRAP, folder], check=True, stdout=subprocess.DEVNULL)


def check(root: Path, target: str) -> None:
    """Start what was built. Raises CalledProcessError, NeverHappened or AssertionError."""
    entrypoint, command = last(target, "ENTRYPOINT").words, last(target, "CMD").words
    told = enter(root, target, [*entrypoint, *command, "--help"], {})
    subprocess.run(told, check=True, stdout=subprocess.DEVNULL)
    if target == "standalone":
        _serve(root, [*entrypoint, *command])


def _serve(root: Path, command: list[str]) -> None:
    port = choose_port()
    given = {"PATCHBAY_HOST": LOOPBACK, "PATCHBAY_PORT": str(port)}
    with subprocess.Popen(enter(root, "standalone", command, given)) as process:
        try:
            eventually(lambda: process.poll() is not None or _serves(port), START_S)
            process.terminate()
            assert process.wait(END_S) == 0
        finally:
            process.kill()


def _serves(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main(clean: Path, targets: list[str]) -> None:
    """Build targets and start them; leaves the clean root, for the next time."""
    if not clean.exists():
        make_root(clean)
    for target in targets:
        root = build(clean, target)
        check(root, target)
        print(f"{target}: built and started")  # noqa: T201 -- the answer
        shutil.rmtree(root)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2:] or list(TARGETS))
