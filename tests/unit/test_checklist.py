"""docs/checklist.md and docs/security.md name tests and operations that exist."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/checklist.md").read_text()

SECURITY = (ROOT / "docs/security.md").read_text()

TESTS = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE + SECURITY)))
OPERATIONS = sorted(set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/v1/[^`\s]*)`", PAGE)))
LINES = [line for line in PAGE.splitlines() if re.match(r"\| \d\.\d+", line)]


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    path = ROOT / "tests" / file
    found = {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert name in found


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_that_is_named_exists(method: str, path: str) -> None:
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    known = {re.sub(r"{\w+}", "{}", each): set(methods) for each, methods in paths.items()}
    assert method.lower() in known[re.sub(r"{\w+}", "{}", path)]


def test_every_line_has_a_test_or_says_that_it_is_not_there_yet() -> None:
    assert len(LINES) > 60
    for line in LINES:
        *_, where, proof, _ = line.split("|")
        assert where.strip()
        assert "::" in proof or proof.strip().startswith("not yet"), line
