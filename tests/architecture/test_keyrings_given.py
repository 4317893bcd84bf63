"""Whoever opens an installation's database gives it the installation's keys.

Without them a database on PostgreSQL takes every secret as it is, and says nothing.
"""

import ast

from tests.architecture.test_structure import ROOT, sources

#: Who opens a database of its own making, whose host goes without keys as well.
OWN = ("services/chaos/",)


def test_a_database_is_opened_with_its_keys() -> None:
    without = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("services", "shared")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Database"
        and len(node.args) < 3
        and "keyring" not in {each.arg for each in node.keywords}
    ]
    assert [place for place in without if not place.startswith(OWN)] == []
