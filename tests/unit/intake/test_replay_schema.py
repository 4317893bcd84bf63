"""Which replays may be asked for."""

from typing import Any

import pytest
from marshmallow import ValidationError

from shared.schemas.delivery import ReplaySchema
from shared.schemas.refusal import refused_fields


@pytest.mark.parametrize(
    ("choice", "pointer"),
    [
        ({"states": ["pending"]}, "/states/0"),
        ({"states": []}, "/states"),
        ({"rate_per_s": 0}, "/rate_per_s"),
        ({"rate_per_s": 1001}, "/rate_per_s"),
        ({"event_types": ["webhook.invented"]}, "/event_types/0"),
        ({"created_after": "yesterday"}, "/created_after"),
        ({"missed": 1}, "/missed"),
        ({"dry_run": "no"}, "/dry_run"),
    ],
)
def test_a_replay_that_makes_no_sense_is_refused(choice: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        ReplaySchema().load(choice)
    assert [e.pointer for e in refused_fields(refusal.value.messages).errors] == [pointer]
