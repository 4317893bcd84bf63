"""YAML files that people write, read so that each complaint names its line."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError

from services.router.simulation.theory.errors import LabError

Path_ = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Leaves times as text: schemas read them, and see whether a zone is there."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class YamlDocument:
    """A document and the lines of its parts; raises LabError with one line for each mistake."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self.value: Any = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a safe loader
            self._root = yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" line {mark.line + 1}:" if mark else ""
            problem = getattr(error, "problem", None) or "it cannot be read"
            raise LabError(f"{name}:{where} this is no YAML: {problem}") from error
        if not isinstance(self.value, dict):
            raise LabError(f"{name}: a mapping of fields is expected, such as `classes: […]`")

    @classmethod
    def read(cls, path: Path) -> "YamlDocument":
        """Read a file; raises LabError if there is none."""
        try:
            return cls(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise LabError(f"{path} cannot be read: {reason}") from error

    def load(self, schema: Schema) -> dict[str, Any]:
        """Return the document as the schema reads it."""
        try:
            loaded: dict[str, Any] = schema.load(self.value)
        except ValidationError as error:
            problems = [
                self.complaint(path, message) for path, message in _flat(error.messages, ())
            ]
            raise LabError("\n".join(problems)) from error
        return loaded

    def complaint(self, path: Path_, message: str) -> str:
        """Return `FILE: line N, /pointer: message`."""
        pointer = "".join(f"/{part}" for part in path) or "/"
        return f"{self.name}: line {self._line(path)}, {pointer}: {message}"

    def _line(self, path: Path_) -> int:
        """Return the line of a part, or of the nearest thing around it that is there."""
        node, line = self._root, 1
        for part in path:
            for key, child, mark in _children(node):
                if key == str(part):
                    node, line = child, mark + 1
                    break
            else:
                break
        return line


def _children(node: Any) -> Iterator[tuple[str, Any, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield str(key.value), child, key.start_mark.line
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield str(index), child, child.start_mark.line


def _flat(messages: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            # marshmallow's words for the document itself and for keys and values of mappings.
            step = () if key in ("_schema", "value", "key") else (key,)
            yield from _flat(inner, (*path, *step))
    elif isinstance(messages, Sequence) and not isinstance(messages, str):
        for inner in messages:
            yield from _flat(inner, path)
    else:
        yield path, str(messages)
