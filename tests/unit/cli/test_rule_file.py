"""Rule files: where everything is, what cannot be read, and that what is written reads the same."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.rule_file import MAX_BYTES, RuleFileError, read_rule_file, write_rules


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "place", "reason"),
    [
        ("a.yaml", b'rules:\n  - when: "a" in ticket.tags', "2:15", "expected <block end>"),
        ("a.yaml", b"rules: []\nrules: []", "2:1", "'rules' comes twice"),
        ("a.yaml", b"rules:\n  - {name: a, name: b}", "2:15", "'name' comes twice"),
        ("a.yaml", b"rules: !!python/object:os.system {}", "1:8", "could not determine"),
        ("a.yaml", b'rules: [{name: "\\ud83d"}]', "1:16", "half a character"),
        ("a.yaml", b"[" * 5000, "1:1", "nested too deep"),
        ("a.yaml", b"a\x00b", "1:1", "special characters"),
        ("a.yaml", b"a: b\nc: \xff", "2:1", "not UTF-8"),
        ("a.yaml", b"x" * (MAX_BYTES + 1), "1:1", "larger than"),
        ("a.yaml", b"[a]: b", "1:1", "unhashable"),
        ("a.json", b'{"rules": [}', "1:12", "not JSON"),
        ("a.json", b'{"rules": [], "rules": []}', "1:1", "'rules' comes twice"),
        ("a.json", b'{"rules": [{"name": "\\ud83d"}]}', "1:", "not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_line_and_column(
    tmp_path: Path, name: str, content: bytes, place: str, reason: str
) -> None:
    with pytest.raises(RuleFileError, match=f"^{place}.*{reason}"):
        read_rule_file(write(tmp_path, name, content))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"^1:1: cannot be read: No such file"):
        read_rule_file(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_pointer_leads_to_the_line_of_the_deepest_part_that_is_there(
    tmp_path: Path, name: str
) -> None:
    content = b'{\n"rules": [\n{"name":\n"a",\n"a/b": 1},\n{"then": {\n"tags": [\n"x"]}}]}'
    found = read_rule_file(write(tmp_path, name, content))
    pointers = ["", "/rules", "/rules/0/name", "/rules/0/a~1b", "/rules/0/when", "/rules/1"]
    assert [found.line(pointer) for pointer in pointers] == [1, 2, 3, 5, 3, 6]
    assert found.line("/rules/1/then/tags/0") == 8
    assert found.line("/rules/1/then/tags/x/y") == 7


def test_json_that_is_no_yaml_is_read_without_lines(tmp_path: Path) -> None:
    found = read_rule_file(write(tmp_path, "a.json", b'{\n\t"rules":\t[]}'))
    assert (found.document, found.line("/rules")) == ({"rules": []}, 1)


def test_a_byte_order_mark_and_anchors_are_fine(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfa: &x {team: net}\nb: {<<: *x, stop: true}"
    found = read_rule_file(write(tmp_path, "a.yaml", content))
    assert found.document["b"] == {"team": "net", "stop": True}


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
WHENS = st.lists(TEXTS, min_size=1, max_size=3).map("\n".join)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "name": TEXTS
            | st.sampled_from(["on", "1", "null", "2026-01-01", "~", "- a", "a: b # c"])
        },
        optional={"when": WHENS, "then": st.fixed_dictionaries({"tags": st.lists(TEXTS)})},
    ),
    max_size=4,
)


@given(RULES)
def test_what_is_written_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, rules: list[dict[str, Any]]
) -> None:
    document = {"time_zone": "Europe/Berlin", "rules": rules}
    path = write(tmp_path_factory.mktemp("written"), "a.yaml", write_rules(document).encode())
    assert read_rule_file(path).document == document


def test_keys_come_in_order_and_defaults_are_left_out() -> None:
    then = {"stop": False, "delay": "2h", "team": "net"}
    rules = [{"then": then, "when": "true", "name": "a"}]
    assert write_rules({"rules": rules, "time_zone": "UTC"}) == (
        "rules:\n  - name: a\n    then:\n      team: net\n      delay: 2h\n"
    )
