"""docs/deploy.md names what exists."""

import re

from services.cli.main import COMMANDS
from shared.settings import variable_names
from tests.deploy.documents import ROOT

PAGE = (ROOT / "docs/deploy.md").read_text()


def test_every_file_that_is_named_exists():
    named = set(re.findall(r"(?:deploy|tests)/[\w./*-]*\w", PAGE))
    # Made by secrets.sh.
    named.discard("deploy/compose/secrets")

    assert len(named) > 12
    assert {path for path in named if not list(ROOT.glob(path))} == set()


def test_every_setting_and_command_that_is_named_exists():
    settings = {name.removesuffix("_FILE") for name in re.findall(r"PATCHBAY_[A-Z_]*[A-Z]", PAGE)}
    commands = set(re.findall(r"(?:`|bin/)patchbay (\w+)", PAGE))
    commands |= set(re.findall(r"run --rm \w+ (\w+)", PAGE))

    assert settings <= set(variable_names())
    assert commands <= set(COMMANDS)
