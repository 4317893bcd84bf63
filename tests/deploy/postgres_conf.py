"""Reads deploy/postgres/patchbay.conf."""

import re

from tests.deploy.documents import ROOT

CONF = ROOT / "deploy/postgres/patchbay.conf"


def settings() -> dict[str, str]:
    """The settings by name, without quotes."""
    found = re.findall(r"^(\w+) = '?([^'\n#]+?)'?\s*$", CONF.read_text(), re.MULTILINE)
    return dict(found)


def setting(name: str) -> str:
    return settings()[name]
