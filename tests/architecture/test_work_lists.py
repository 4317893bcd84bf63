"""docs/architecture.md has every work list, with its rows and its actor."""

import re
from collections import defaultdict
from pathlib import Path

from shared.db.models import Delivery
from shared.db.models.base import table
from shared.db.ready_rows import ready_rows
from shared.domain.work import ListName
from shared.schemas.doorbell import ACTORS

PAGE = (Path(__file__).parents[2] / "docs/architecture.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (`[^|]+`) \| `(\w+\.\w+)` \| [^|]+ \|$", re.MULTILINE)


def test_the_page_has_every_list_with_its_actor() -> None:
    assert {name: actor for name, _, actor in ROW.findall(PAGE)} == ACTORS


def test_the_page_says_which_rows_are_on_a_list() -> None:
    tables: defaultdict[str, set[str]] = defaultdict(set)
    for each in ready_rows():
        tables[each.name].add(each.moment.table.name)
    tables[ListName.WEBHOOK].add(table(Delivery).name)
    assert {name: set(re.findall(r"\w+", rows)) for name, rows, _ in ROW.findall(PAGE)} == tables
