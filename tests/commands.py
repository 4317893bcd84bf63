"""Commands run as `patchbay` runs them, in this process: a start costs a second each."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from services.cli import main


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def run_command(*arguments: object, environment: Mapping[str, str] | None = None) -> Done:
    """Run `patchbay ARGUMENTS`; of the environment's PATCHBAY_ variables only those given."""
    with pytest.MonkeyPatch.context() as patch, CliRunner().isolation() as (out, err, _):
        patch.setattr(sys, "argv", ["patchbay", *map(str, arguments)])
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        return Done(status, out.getvalue().decode(), err.getvalue().decode())
