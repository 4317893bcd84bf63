"""Installs the servers' Debian packages without letting them start a system-wide server.

Debian starts a service as soon as its package is installed, unless ``/usr/sbin/policy-rc.d``
forbids it (invoke-rc.d(8)): exit status 101 means that the action is not allowed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import PackagesMissing
from deploy.local.programs import (
    BROWSER_PACKAGE,
    MAIL_READER_PACKAGE,
    NODE_PACKAGES,
    PROMETHEUS_PACKAGE,
    SYSTEMD_PACKAGE,
    browser_program,
    mail_reader_program,
    missing,
    missing_packages,
    node_programs,
    promtool_program,
)

POLICY = Path("/usr/sbin/policy-rc.d")
DENY_ALL = "#!/bin/sh\n# Written by deploy.local while it installs packages.\nexit 101\n"
OUTPUT_TAIL_CHARACTERS = 1_000


def ensure_packages() -> None:
    """Make sure that the programs of both servers are there.

    As root on Debian missing packages are installed, and left disabled at boot; otherwise
    PackagesMissing says in one line what to install.
    """
    packages = missing_packages()
    if not packages:
        return
    _install(packages)
    for package in packages:
        # The service is named like its package. Nobody asked for a server at the next boot.
        _run(["update-rc.d", package, "disable"])
    still_missing = missing_packages()
    if still_missing:
        raise missing(still_missing)


def ensure_browser() -> None:
    """Make sure that there is a Chromium, as `ensure_packages` does of servers."""
    try:
        browser_program()
    except PackagesMissing:
        # Recommended packages are left out, and a browser without a font writes nothing.
        _install([BROWSER_PACKAGE, "fonts-dejavu-core"])
        browser_program()


def ensure_node() -> None:
    """Make sure that there is a Node.js with npm, as `ensure_packages` does of servers."""
    try:
        node_programs()
    except PackagesMissing:
        _install(list(NODE_PACKAGES))
        node_programs()


def ensure_mail_reader() -> None:
    """Make sure that there is a notmuch, as `ensure_packages` does of servers."""
    try:
        mail_reader_program()
    except PackagesMissing:
        _install([MAIL_READER_PACKAGE])
        mail_reader_program()


def ensure_systemd() -> None:
    """Make sure that there is a systemd-analyze, as `ensure_packages` does of servers."""
    if shutil.which("systemd-analyze") is None:
        _install([SYSTEMD_PACKAGE])


def ensure_promtool() -> None:
    """Make sure that there is promtool, as `ensure_packages` does of servers."""
    try:
        promtool_program()
    except PackagesMissing:
        _install([PROMETHEUS_PACKAGE])
        _run(["update-rc.d", PROMETHEUS_PACKAGE, "disable"])
        promtool_program()


def _install(packages: list[str]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise missing(packages)
    with deny_service_starts(POLICY):
        _run(["apt-get", "update"])
        _run(["apt-get", "install", "--yes", "--no-install-recommends", *packages])


@contextmanager
def deny_service_starts(policy: Path) -> Iterator[None]:
    """Forbid packages to start services, then restore the policy that was there before.

    A run that was killed in between leaves its work behind; the next one tidies it up.
    """
    saved = policy.with_name(f"{policy.name}.patchbay-saved")
    if policy.exists() and policy.read_text(errors="replace") != DENY_ALL:
        os.replace(policy, saved)
    policy.write_text(DENY_ALL)
    policy.chmod(0o755)
    try:
        yield
    finally:
        if saved.exists():
            os.replace(saved, policy)
        else:
            policy.unlink()


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = done.stdout[-OUTPUT_TAIL_CHARACTERS:]
        raise PackagesMissing(f"{' '.join(command)} failed with {done.returncode}:\n{tail}")
