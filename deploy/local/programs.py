"""Where the servers' programs are on this machine."""

import shutil
from pathlib import Path

from deploy.local.errors import PackagesMissing

POSTGRES_VERSIONS = Path("/usr/lib/postgresql")
RABBITMQ_VERSIONS = Path("/usr/lib/rabbitmq/lib")
# The archive of the RabbitMQ project, as its container images unpack it.
RABBITMQ_ARCHIVE = Path("/opt/rabbitmq/sbin")

POSTGRES_PACKAGE = "postgresql"
RABBITMQ_PACKAGE = "rabbitmq-server"
BROWSER_PACKAGE = "chromium"
NODE_PACKAGES = ("nodejs", "npm")
MAIL_READER_PACKAGE = "notmuch"
SYSTEMD_PACKAGE = "systemd"
PROMETHEUS_PACKAGE = "prometheus"
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome")


def postgres_programs(major: str | None = None) -> Path:
    """The directory of ``initdb`` and ``postgres``: of that major version, else the newest.

    Raises PackagesMissing.
    """
    installed = [path.parent for path in POSTGRES_VERSIONS.glob(f"{major or '*'}/bin/initdb")]
    if installed:
        return max(installed, key=lambda path: _numbers(path.parent.name))
    found = shutil.which("initdb")
    if found and major is None:
        return Path(found).resolve().parent
    raise missing([f"{POSTGRES_PACKAGE}-{major}" if major else POSTGRES_PACKAGE])


def rabbitmq_programs() -> Path:
    """The directory of ``rabbitmq-server`` and ``rabbitmqctl``. Raises PackagesMissing.

    Programs of that name on the PATH are not used: they are wrappers that switch to the system
    broker's account and settings.
    """
    pattern = "rabbitmq_server-*/sbin/rabbitmq-server"
    installed = [path.parent for path in RABBITMQ_VERSIONS.glob(pattern)]
    if installed:
        return max(installed, key=lambda path: _numbers(path.parent.name))
    if (RABBITMQ_ARCHIVE / "rabbitmq-server").exists():
        return RABBITMQ_ARCHIVE
    raise missing([RABBITMQ_PACKAGE])


def epmd_program() -> str:
    """Erlang's port mapper, which a node and its tools meet through. Raises PackagesMissing."""
    found = shutil.which("epmd")
    if found is None:
        raise missing([RABBITMQ_PACKAGE])
    return found


def node_programs() -> tuple[str, str]:
    """Node.js and npm, which receivers in JavaScript are tested with. Raises PackagesMissing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise missing(list(NODE_PACKAGES))
    return node, npm


def promtool_program() -> str:
    """What checks alert rules and tests them. Raises PackagesMissing."""
    found = shutil.which("promtool")
    if found is None:
        raise missing([PROMETHEUS_PACKAGE])
    return found


def browser_program() -> str:
    """A Chromium, which tests of the public pages drive. Raises PackagesMissing."""
    for name in BROWSER_NAMES:
        if found := shutil.which(name):
            return found
    raise missing([BROWSER_PACKAGE])


def mail_reader_program() -> str:
    """Notmuch, which tests of threads of mails read them with. Raises PackagesMissing."""
    found = shutil.which("notmuch")
    if found is None:
        raise missing([MAIL_READER_PACKAGE])
    return found


def missing_packages() -> list[str]:
    """The Debian packages that would have to be installed before both servers can start."""
    absent = []
    for package, locate in (
        (POSTGRES_PACKAGE, postgres_programs),
        (RABBITMQ_PACKAGE, rabbitmq_programs),
    ):
        try:
            locate()
        except PackagesMissing:
            absent.append(package)
    return absent


def missing(packages: list[str]) -> PackagesMissing:
    """The error that says in one line what to install."""
    names = " ".join(packages)
    return PackagesMissing(f"{names} not installed; run: apt-get install {names}")


def _numbers(version: str) -> list[int]:
    """``rabbitmq_server-3.10.8`` sorts after ``rabbitmq_server-3.9.27``: compare as numbers."""
    digits = "".join(character if character.isdigit() else " " for character in version)
    return [int(number) for number in digits.split()]
