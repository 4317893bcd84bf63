"""Rule files, YAML or JSON: reading them with the place of everything, and writing them."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

#: The largest file that is read, in bytes; a thousand long rules fit.
MAX_BYTES = 8 * 1024 * 1024

#: The order in which keys are written; the database does not keep it.
_ORDER = (
    *("time_zone", "rules", "name", "when", "then"),
    *("team", "priority", "urgency", "required_skills", "preferred_skills"),
    *("skill", "level", "drop_after"),
    *("tags", "sla_policy", "profile", "delay", "stop"),
)
#: What is left out because leaving it out means the same.
_DEFAULTS = (("when", "true"), ("stop", False), ("time_zone", "UTC"))

_MERGE = "tag:yaml.org,2002:merge"


class RuleFileError(Exception):
    """A file is not YAML or not JSON; the text begins with line and column where they are known."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A document and where its parts are."""

    document: Any
    root: yaml.Node | None

    def line(self, pointer: str) -> int:
        """Return the line, from 1, of the deepest part of a JSON Pointer that is there."""
        node, line = self.root, 1
        for token in pointer.split("/")[1:]:
            key, node = _child(node, token.replace("~1", "/").replace("~0", "~"))
            if node is None or key is None:
                break
            line = key.start_mark.line + 1
        return line


class _Loader(yaml.SafeLoader):
    """Refuses keys that come twice, the first of which would silently be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- PyYAML's hook
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key in seen:
                problem = f"the key {key!r} comes twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            if key is not None and key_node.tag != _MERGE:
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, and lists set in below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 -- PyYAML's hook
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _readable(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    value = loader.construct_scalar(node)
    if any("\ud800" <= character <= "\udfff" for character in value):
        problem = "an escape is half a character; write the character itself"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return str(value)


_Dumper.add_representer(str, _text)
_Loader.add_constructor("tag:yaml.org,2002:str", _readable)


def read_rule_file(path: Path) -> RuleFile:
    """Read a file; raises RuleFileError. `.json` is JSON and everything else YAML."""
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            message = f"1:1: the file is larger than {MAX_BYTES} bytes"
            raise RuleFileError(message)
        text = content.decode("utf-8-sig")
        if path.suffix == ".json":
            return _read_json(text)
        return RuleFile(yaml.load(text, _Loader), yaml.compose(text, yaml.SafeLoader))  # noqa: S506 -- a SafeLoader
    except OSError as error:
        message = f"1:1: cannot be read: {error.strerror}"
        raise RuleFileError(message) from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"{line}:1: the file is not UTF-8"
        raise RuleFileError(message) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        message = f"{place}: not YAML: {error.problem}"
        raise RuleFileError(message) from error
    except (yaml.YAMLError, ValueError) as error:
        reason = getattr(error, "reason", error)
        message = f"1:1: not YAML: {reason}"
        raise RuleFileError(message) from error
    except RecursionError as error:
        message = "1:1: nested too deep"
        raise RuleFileError(message) from error


def write_rules(document: Mapping[str, Any]) -> str:
    """Return a rule set as YAML that `read_rule_file` takes back."""
    wanted = {"time_zone": document["time_zone"], "rules": document["rules"]}
    return yaml.dump(
        _tidy(wanted), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=MAX_BYTES
    )


def _read_json(text: str) -> RuleFile:
    try:
        # The first is as strict as the API, the second sees keys that come twice.
        document = orjson.loads(text)
        json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        message = f"{error.lineno}:{error.colno}: not JSON: {error.msg}"
        raise RuleFileError(message) from error
    try:
        # Nearly all JSON is YAML; where it is not, only the lines of complaints are lost.
        return RuleFile(document, yaml.compose(text, yaml.SafeLoader))
    except yaml.YAMLError:
        return RuleFile(document, None)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        message = f"1:1: the key {twice!r} comes twice"
        raise RuleFileError(message)
    return seen


def _child(node: yaml.Node | None, token: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the node that names a part, and the part."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == token:
                return key, value
    if isinstance(node, yaml.SequenceNode) and token.isdigit() and int(token) < len(node.value):
        return node.value[int(token)], node.value[int(token)]
    return None, None


def _tidy(value: Any) -> Any:
    """Return a document with its keys in order and without what says nothing."""
    if isinstance(value, Mapping):
        names = sorted(value, key=lambda name: _ORDER.index(name) if name in _ORDER else -1)
        return {name: _tidy(value[name]) for name in names if (name, value[name]) not in _DEFAULTS}
    if isinstance(value, list):
        return [_tidy(each) for each in value]
    return value
