"""docs/attachments.md names what there is: groups, reasons, settings, problems."""

import re
from pathlib import Path

from services.intake.api.catalogue import CATALOGUE
from services.intake.content.refusals import Reason
from shared.domain.media_type import FileGroup
from shared.settings import variable_names

TEXT = (Path(__file__).parents[4] / "docs" / "attachments.md").read_text()


def test_every_group_and_reason_is_explained() -> None:
    for word in [*FileGroup, *Reason]:
        assert f"`{word}`" in TEXT


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"PATCHBAY_\w+", TEXT))
    assert len(named) > 5
    assert named <= set(variable_names())


def test_every_problem_that_is_named_exists() -> None:
    for code in ("file-type-refused", "file-refused", "too-large", "request-timeout", "infected"):
        assert f"`{code}`" in TEXT
        assert code in CATALOGUE
