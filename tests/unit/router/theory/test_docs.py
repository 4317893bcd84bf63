"""The example of the page runs as it stands."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs" / "lab-theory.md"


def test_the_example_says_the_truth() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})


def test_every_module_that_the_page_names_exists() -> None:
    folder = PAGE.parents[1] / "services" / "router" / "simulation" / "theory"
    named = set(re.findall(r"`([a-z_]+)\.[A-Za-z_]+\(", PAGE.read_text()))
    assert len(named) == 9
    assert [name for name in named if not (folder / f"{name}.py").exists()] == []
