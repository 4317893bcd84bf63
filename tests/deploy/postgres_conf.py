"""Reads deploy/postgres/patchbay.conf, and has PostgreSQL read it."""

import re
import subprocess
from pathlib import Path

from deploy.local.programs import postgres_programs
from tests.deploy.documents import ROOT

CONF = ROOT / "deploy/postgres/patchbay.conf"


def settings() -> dict[str, str]:
    """The settings by name, without quotes."""
    found = re.findall(r"^(\w+) = '?([^'\n#]+?)'?\s*$", CONF.read_text(), re.MULTILINE)
    return dict(found)


def setting(name: str) -> str:
    return settings()[name]


def asked_for(
    name: str, conf: Path, data: str | Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """What `postgres -C`, which reads the configuration and starts nothing, makes of a setting."""
    # First of all, or root may not even ask.
    asked = [postgres_programs() / "postgres", "-C", name, "-D", data]
    asked += ["-c", f"config_file={conf}", *options]
    return subprocess.run(asked, capture_output=True, text=True, check=False, cwd="/")
