"""This machine: time zones, disks, file descriptors, and files that others can read."""

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import make_url

from services.cli.doctor.finding import Finding, error, ok, warning
from shared.db.keyrings import key_file_of
from shared.process import MOST_FILES, files_allowed
from shared.settings import Settings

_GIB = 1024**3
#: Free space, in bytes, below which it hurts, and below which nothing can be written any more.
LITTLE, NOTHING_LEFT = 2 * _GIB, 200 * 1024**2
#: Descriptors besides connections: libraries, logs, the watch.
_OTHER_FILES = 128


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield findings about this machine, as a process that runs here would meet it."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield ok(f"patchbay {version('patchbay')} on Python {python}")
    yield from _time_zones(settings)
    yield from _disks(settings)
    yield from _descriptors(settings)
    yield from _private_files(settings)


def _time_zones(settings: Settings) -> Iterator[Finding]:
    try:
        for name in {"Europe/Berlin", "America/New_York", settings.email_time_zone}:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as fault:
        yield error(
            f"time zones are not known here: {fault}",
            "working hours, service levels and times in mails need them",
            "install the package tzdata, of the system or of Python",
        )
    else:
        yield ok("time zones are known")


def _disks(settings: Settings) -> Iterator[Finding]:
    places = {"data": settings.data_dir, "temporary files": Path(tempfile.gettempdir())}
    database = make_url(settings.database_url)
    if database.get_backend_name() == "sqlite" and database.database:
        places["database"] = Path(database.database)
    if settings.storage_url.startswith("file:"):
        places["attachments"] = Path(settings.storage_url.partition(":")[2])
    seen: dict[int, str] = {}
    for name, path in places.items():
        folder = _existing(path)
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen[device] = name
        yield _space(name, folder)


def _space(name: str, folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    what = f"{usage.free / _GIB:.1f} GiB are free at {folder} ({name})"
    why = "on a full disk nothing can be stored, and tickets are refused"
    if usage.free < NOTHING_LEFT:
        return error(what, why, "make room now")
    if usage.free < LITTLE:
        return warning(what, why, "make room, or move it to a larger disk")
    return ok(what)


def _existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that is there."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _descriptors(settings: Settings) -> Iterator[Finding]:
    allowed = files_allowed()
    needed = (
        settings.webhook_concurrency
        + settings.email_concurrency
        + 4 * settings.http_threads
        + settings.database_pool_size
        + _OTHER_FILES
    )
    if allowed < needed:
        yield warning(
            f"a process may open {allowed} files and connections, and may want {needed}",
            "connections are refused while webhooks go to many receivers at once",
            f"raise it (up to {MOST_FILES}): LimitNOFILE= of systemd, ulimit -Hn; or lower "
            "PATCHBAY_WEBHOOK_CONCURRENCY",
        )
    else:
        yield ok("a process may open as many files as it wants")


def _private_files(settings: Settings) -> Iterator[Finding]:
    private = {
        "the DKIM key": settings.email_dkim_key,
        "the file of secret keys": settings.secret_keys_file,
        "the key file": key_file_of(settings.database_url),
    }
    database = make_url(settings.database_url)
    if database.get_backend_name() == "sqlite" and database.database:
        private["the database"] = Path(database.database)
    for name, path in private.items():
        if path is None:
            continue
        if not path.exists():
            if name == "the DKIM key":
                yield error(
                    f"{name} {path} is not there",
                    "the notifier does not start",
                    "mend PATCHBAY_EMAIL_DKIM_KEY",
                )
            continue
        if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH):
            yield warning(
                f"{name} {path} can be read by others on this machine",
                "it holds secrets",
                f"chmod 600 {path}",
            )
