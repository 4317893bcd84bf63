"""Reads a Dockerfile: its stages and instructions, as far as ours uses the language."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continuation lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The arguments: of the exec form, or split as a shell does; options are left out."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return [word for word in shlex.split(self.text) if not word.startswith("--")]

    def option(self, name: str) -> str | None:
        found = re.search(rf"(?:^|\s)--{name}=(\S+)", self.text)
        return found[1] if found else None


@dataclass(slots=True)
class Stage:
    """A stage: what it begins from, and its instructions."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        return [each for each in self.instructions if each.name == name]


def stages(path: Path = DOCKERFILE) -> dict[str, Stage]:
    """Return the stages by name, in their order."""
    found: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    stage: Stage | None = None
    for each in _instructions(path.read_text()):
        if each.name == "FROM":
            base, _, name = each.text.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
            stage = found[name] = Stage(name, base)
        elif stage is None:
            name, _, value = each.text.partition("=")
            arguments[name] = value
        else:
            stage.instructions.append(each)
    return found


def ancestry(name: str) -> list[Stage]:
    """Return a stage and those it stands on, the lowest first."""
    known = stages()
    line = [known[name]]
    while line[0].base in known:
        line.insert(0, known[line[0].base])
    return line


def environment(name: str) -> dict[str, str]:
    """Return what ENV gives to the containers of a target; PATH is as it was written."""
    words = [word for stage in ancestry(name) for each in stage.all("ENV") for word in each.words]
    return dict(word.split("=", 1) for word in words)


def last(name: str, instruction: str) -> Instruction:
    """Return the instruction of that name which holds for a target."""
    return [each for stage in ancestry(name) for each in stage.all(instruction)][-1]


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]
