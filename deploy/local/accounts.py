"""The account that a server runs under when the caller is root.

PostgreSQL refuses to run as root, so root lends it an unprivileged account.
"""

import os
import pwd
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    def command(self, *command: str | Path) -> list[str]:
        """The command line that runs ``command`` as this user; the pid stays (setpriv(1))."""
        words = [str(word) for word in command]
        if self.uid == os.geteuid():
            return words
        user, group = f"--reuid={self.uid}", f"--regid={self.gid}"
        return ["setpriv", user, group, "--clear-groups", "--", *words]


def unprivileged_account() -> Account:
    """The caller's own account, or for root the first of ``CANDIDATES`` that exists.

    Raises LookupError if root has no such account to lend.
    """
    if os.geteuid() != 0:
        return Account(str(os.geteuid()), os.geteuid(), os.getegid())
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise LookupError(f"none of these accounts exists: {', '.join(CANDIDATES)}")


def own_directory(wanted: Path, account: Account) -> Path:
    """A directory of mode 0700 that ``account`` owns and can reach; returns its path.

    That is ``wanted``, unless one of its parents is closed to the account (a home of mode 0700,
    say). Then it is a new directory below the system's temporary directory.
    """
    wanted.mkdir(parents=True, exist_ok=True)
    if _reaches(account, wanted.parent):
        return _hand_over(wanted, account)
    wanted.rmdir()
    return _hand_over(Path(tempfile.mkdtemp(prefix="patchbay-")), account)


def _hand_over(directory: Path, account: Account) -> Path:
    if os.geteuid() == 0:
        os.chown(directory, account.uid, account.gid)
    directory.chmod(0o700)
    return directory


def _reaches(account: Account, directory: Path) -> bool:
    """Asked by doing it as that account: modes alone say nothing of access control lists."""
    question = account.command("test", "-x", directory)
    return subprocess.run(question, cwd="/", check=False).returncode == 0
