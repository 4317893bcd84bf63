"""patchbay rules: check, apply, show."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.commands import Done, run_command
from tests.desk import Desk
from tests.processes import environment

RULES = """\
# Who gets what.
time_zone: Europe/Berlin
rules:
  - name: VPN to network
    when: ticket.category == "vpn" && time.hour < 18
    then:
      team: network
      required_skills:
        - skill: vpn
          level: 2
          drop_after: 600
      delay: 2h
      stop: true
  - name: "Größe: 😀"
    when: |
      ticket.category == null ||
        ticket.subject.contains("on: # off")
    then:
      tags: ["on", late]
"""

NO_DURATION = "Not a length of time; write 90s, 10m, 2h, 3d or a number of seconds."

Run = Callable[..., Done]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs patchbay rules; `database=False` runs it without one in the environment."""

    def run(*arguments: object, database: bool = True) -> Done:
        variables = {k: v for k, v in environment(settings).items() if k.startswith("PATCHBAY_")}
        if not database:
            del variables["PATCHBAY_DATABASE_URL"]
        return run_command("rules", *arguments, environment=variables)

    return run


@pytest.fixture
def known(desk: Desk) -> Desk:
    """A desk that has what the rules name."""
    desk.team("network")
    desk.skill("vpn")
    return desk


def test_what_is_applied_is_what_the_api_says_and_what_is_shown(
    known: Desk, run: Run, file: Path, tmp_path: Path
) -> None:
    done = run("apply", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Version 1 of the rule set is in force, with 2 rules.\n"
    document = known.ok("GET", "/v1/routing/rules")
    assert document["time_zone"] == "Europe/Berlin"
    assert [rule["name"] for rule in document["rules"]] == ["VPN to network", "Größe: 😀"]
    shown = run("show")
    assert shown.returncode == 0
    again = tmp_path / "shown.yaml"
    again.write_text(shown.stdout)
    assert run("apply", "--dry-run", again).stdout == "Nothing would change.\n"
    assert run("apply", again).stdout.startswith("Version 2 ")
    assert known.ok("GET", "/v1/routing/rules")["rules"] == document["rules"]
    assert run("show", "--version", 0).stdout.endswith("\nrules: []\n")


def test_a_dry_run_shows_the_difference_and_changes_nothing(
    known: Desk, run: Run, file: Path
) -> None:
    run("apply", file)
    file.write_text(RULES.replace("delay: 2h", "delay: 3h"))
    done = run("apply", "--dry-run", file)
    assert "-      delay: 2h\n+      delay: 3h\n" in done.stdout
    assert done.stdout.startswith("--- version 1\n+++ to be applied\n")
    assert known.ok("GET", "/v1/routing/rules")["version"] == 1


def test_a_version_that_moved_is_refused(known: Desk, run: Run, file: Path) -> None:
    assert run("apply", "--if-version", 0, file).returncode == 0
    done = run("apply", "--if-version", 0, file)
    assert done.returncode == 2
    assert "at version 1 now, not 0" in done.stderr
    assert known.ok("GET", "/v1/routing/rules")["version"] == 1


def test_a_file_is_checked_with_and_without_a_database(run: Run, file: Path, desk: Desk) -> None:
    done = run("check", file, database=False)
    assert done.returncode == 0
    assert "2 rules, nothing to complain of. Teams and skills were not looked up" in done.stdout
    done = run("check", file)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{file}:7: /rules/0/then/team: There is no team 'network'.",
        f"{file}:9: /rules/0/then/required_skills/0/skill: There is no skill 'vpn'.",
    ]
    assert run("apply", file).stdout == done.stdout
    assert desk.ok("GET", "/v1/routing/rules")["version"] == 0


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_every_complaint_is_a_line_with_its_place(run: Run, file: Path) -> None:
    wrong = RULES.replace("time.hour < 18", "time.our < 18").replace("delay: 2h", "delay: soon")
    file.write_text(wrong.replace("late]", "late, Late]").replace("stop: true", "halt: true"))
    done = run("check", file, database=False)
    assert done.returncode == 1
    *lines, tag = sorted(done.stdout.splitlines(), key=lambda line: int(line.split(":")[1]))
    assert [line.removeprefix(f"{file}:") for line in lines] == [
        "5: /rules/0/when: Line 1, column 33: there is no 'time.our'; did you mean 'time.hour'?",
        f"12: /rules/0/then/delay: {NO_DURATION}",
        "13: /rules/0/then/halt: Unknown field.",
    ]
    assert tag.startswith(f"{file}:19: /rules/1/then/tags/2: Use 1 to 63")


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_json_is_taken_too(run: Run, tmp_path: Path) -> None:
    rules = [
        {"name": "a", "when": "true", "then": {"tags": ["x"]}},
        {"name": "a", "then": {}},
        {"name": "b", "then": 1},
    ]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"rules": rules[:1]}))
    assert run("check", path, database=False).returncode == 0
    path.write_text(json.dumps({"rules": rules}, indent=1))
    done = run("check", path, database=False)
    assert [line.split(": ")[:2] for line in done.stdout.splitlines()] == [
        [f"{path}:18", "/rules/2/then"],
    ]
    path.write_text(json.dumps({"rules": rules[:2]}, indent=1))
    assert f"{path}:13: /rules/1/name: 'a' is given" in run("check", path, database=False).stdout


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_file_that_cannot_be_read_is_told_with_line_and_column(run: Run, file: Path) -> None:
    file.write_text('rules:\n  - name: a\n    when: "a" in ticket.tags\n')
    done = run("check", file, database=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{file}:3:15: not YAML: expected <block end>")


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize("content", ["", "42", "rules: [null]", "rules: &a [*a]"])
def test_what_is_no_rule_set_is_refused(run: Run, file: Path, content: str) -> None:
    file.write_text(content)
    done = run("check", file, database=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{file}:1: /")


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize("command", [[], ["check"], ["apply"], ["show"]])
def test_help_has_an_example(run: Run, command: list[str]) -> None:
    done = run(*command, "--help", database=False)
    assert done.returncode == 0
    assert "Example:" in done.stdout


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_file_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    done = run("check", tmp_path / "none.yaml", database=False)
    assert done.returncode == 1
    assert (
        done.stdout == f"{tmp_path / 'none.yaml'}:1:1: cannot be read: No such file or directory\n"
    )
