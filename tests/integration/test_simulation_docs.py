"""docs/simulation.md: its commands run, its example is a scenario, its profiles are complete."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from services.router.simulation.profile_files import built_in
from services.router.simulation.scenario import scenario_world
from services.router.simulation.yaml_document import YamlDocument

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/simulation.md").read_text()
COMMANDS = re.findall(r"```bash\npatchbay (.*?)\n```", TEXT)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(command: str, tmp_path: Path) -> None:
    arguments = [
        str(ROOT / word) if (ROOT / word).exists() else word for word in shlex.split(command)
    ]
    program = [str(Path(sys.executable).parent / "patchbay"), *arguments]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mean wait" in done.stdout


def test_the_commands_were_found() -> None:
    assert len(COMMANDS) == 2


def test_the_example_is_a_scenario() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert len(scenario_world(YamlDocument("example", example)).workers) == 4


def test_the_page_names_every_profile() -> None:
    [listed] = re.findall(r"or a name: (.*?)\. What a file", TEXT, re.DOTALL)
    assert sorted(re.findall(r"`(\w+)`", listed)) == built_in()
