"""`patchbay doctor` run for tests, and what it said."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.commands import Done, run_command
from tests.fixtures.modes import Mode


def settings_of(mode: Mode, folder: Path) -> dict[str, str]:
    """Return the environment of a mode, with everything that is written below a folder."""
    return {
        "PATCHBAY_DATABASE_URL": mode.database_url,
        "PATCHBAY_BROKER_URL": mode.broker_url,
        "PATCHBAY_STORAGE_URL": f"file:{folder / 'attachments'}",
        "PATCHBAY_EMAIL_URL": f"file:{folder / 'outbox'}",
        "PATCHBAY_DATA_DIR": str(folder),
        # As the fixtures write, and without a warning about it.
        **({"PATCHBAY_SECRET_KEYS": "plain"} if mode.distributed else {}),
    }


def said(done: Done, *severities: str) -> list[tuple[str, str]]:
    """Return area and text of the findings of these severities, by the document."""
    findings = json.loads(done.stdout)["findings"]
    for each in findings:
        assert (each["severity"] == "ok") == (each["way_out"] is None)
    return [(f["area"], f["what"]) for f in findings if f["severity"] in severities]


def look(environment: Mapping[str, str], *arguments: str, **changed: str) -> Done:
    given = {**environment, **{f"PATCHBAY_{name}": value for name, value in changed.items()}}
    return run_command("doctor", *arguments, environment=given)
