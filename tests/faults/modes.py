"""The two modes as desks: everything in one process on SQLite, or a process for each service."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from shared.ports import choose_port
from tests.faults.desk import Desk
from tests.faults.processes import ROOT, ServiceProcess, run_command

_WORKER = ("--health-port", "0")


def new_token(database_url: str, release: Path = ROOT) -> str:
    """Make the schema in an empty database, and an API key, by a release; return its token."""
    settings = {"PATCHBAY_DATABASE_URL": database_url}
    run_command(settings, "migrate", release=release)
    key = ("keys", "create", "--name", "faults", "--scope", "*")
    return run_command(settings, *key, release=release).strip()


def standalone(folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> Desk:
    """Return a desk on a new SQLite file below `folder`; not open yet."""
    database_url = f"sqlite:///{folder}/desk.db"
    settings = {**_settings(database_url, "memory://", folder), **more}
    token = new_token(database_url)
    serve = ServiceProcess("serve", (), settings, folder)
    return Desk(database_url, int(settings["PATCHBAY_PORT"]), token, {"serve": serve})


def distributed(
    database_url: str,
    broker_url: str,
    token: str,
    folder: Path,
    more: Mapping[str, str] = MappingProxyType({}),
    release: Path = ROOT,
) -> Desk:
    """Return a desk on a database that has schema and key, with more settings; not open yet.

    Its processes run this release, or the one in a folder.
    """
    settings = {**_settings(database_url, broker_url, folder), **more}
    processes = {
        "intake": ServiceProcess("intake", (), settings, folder, release),
        "router": ServiceProcess("router", _WORKER, settings, folder, release),
        "notifier": ServiceProcess("notifier", _WORKER, settings, folder, release),
    }
    return Desk(database_url, int(settings["PATCHBAY_PORT"]), token, processes)


def _settings(database_url: str, broker_url: str, folder: Path) -> dict[str, str]:
    return {
        "PATCHBAY_DATABASE_URL": database_url,
        "PATCHBAY_BROKER_URL": broker_url,
        "PATCHBAY_EMAIL_URL": "off:",
        "PATCHBAY_DATA_DIR": str(folder),
        "PATCHBAY_PORT": str(choose_port()),
        "PATCHBAY_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        # What a killed notifier had in hand rests until its lease ends, which follows from this.
        "PATCHBAY_WEBHOOK_TIMEOUT_S": "2",
    }
